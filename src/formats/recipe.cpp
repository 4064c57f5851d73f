#include "formats/recipe.hpp"

#include <algorithm>
#include <tuple>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "model/schedule_text.hpp"

namespace gradus {

Recipe::Parts Recipe::parts(const TrainTest& loaded, const TrainTest& loaded_test) const {
  Parts parts{loaded.train, {}, loaded.test};
  if (!data.test.empty()) parts.test = loaded_test.test.empty() ? loaded_test.train : loaded_test.test;
  if (data.validate_on_test) parts.validation = parts.test;
  if (data.validation_rows > 0) {
    const std::int64_t rest = parts.train.size() - data.validation_rows;
    if (rest < 1) {
      throw Error(ErrorCode::invalid_argument, name + ": " + count_of(data.validation_rows, "row") +
                                                   " for validation, but " + data.source + " has " +
                                                   count_of(parts.train.size(), "row"));
    }
    parts.validation = loaded.train.slice(rest, loaded.train.size());
    parts.train = loaded.train.slice(0, rest);
  }
  if (data.validation_fraction > 0) {
    std::tie(parts.train, parts.validation) = loaded.train.split(data.validation_fraction, fit.seed);
  }
  if (data.one_hot) {
    for (Dataset* part : {&parts.train, &parts.validation, &parts.test}) {
      if (!part->empty()) *part = part->with_one_hot(*data.one_hot);
    }
  }
  return parts;
}

namespace {

LearningRate learning_rate_of(const Optimizer& optimizer) {
  const Value fields = optimizer.fields();
  return FieldType<LearningRate>::from_value(*fields.find("learning_rate"));
}

}  // namespace

Sequential Recipe::model(const Dataset& train) const {
  Sequential model(input_shape.rank() == 0 ? train.sample_shape() : input_shape, layers, build);
  CompileOptions options = compile;
  if (!schedule.empty()) {
    const LearningRate rate = learning_rate_of(options.optimizer);
    const std::int64_t batch = std::max<std::int64_t>(1, std::min(fit.batch_size, train.size()));
    const auto chosen = schedule_for(schedule, {rate.at(0), (train.size() + batch - 1) / batch, fit.epochs});
    if (chosen) options.optimizer = options.optimizer.with("learning_rate", FieldType<Schedule>::to_value(*chosen));
  }
  model.compile(options);
  if (train.is_classified()) model.set_class_names(train.class_names());
  return model;
}

FitOptions Recipe::fit_options(const Parts& parts) const {
  FitOptions options = fit;
  options.validation_data = parts.validation;
  return options;
}

const std::vector<EmbeddedRecipe>& recipes() {
  static const std::vector<EmbeddedRecipe> all = {
#include "recipes.cpp.inc"
  };
  return all;
}

Recipe built_in_recipe(std::string_view name) {
  std::vector<std::string> names;
  for (const EmbeddedRecipe& recipe : recipes()) {
    if (recipe.name == name) return parse_recipe(recipe.toml, std::string(name) + ".toml");
    names.emplace_back(recipe.name);
  }
  std::string guess = did_you_mean(name, names);
  if (guess.empty()) {
    guess = "; there are ";
    for (const std::string& known : names) guess += (&known == &names.front() ? "" : ", ") + known;
  }
  throw Error(ErrorCode::not_found, "there is no recipe " + in_quotes(name) + guess);
}

}  // namespace gradus
