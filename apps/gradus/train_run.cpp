#include "train_run.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "terminal.hpp"
#include "train/find_learning_rate.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_recipe = std::uint64_t{1} << 20;

bool is_unit(const std::string& word) {
  static const std::array<std::string, 6> units = {"epoch", "epochs", "step", "steps", "second", "seconds"};
  return std::find(units.begin(), units.end(), word) != units.end();
}

Words joined_units(const Words& words) {
  Words joined;
  for (std::size_t i = 0; i < words.size(); ++i) {
    joined.push_back(words[i]);
    if (words[i] != "--every" || i + 2 >= words.size() || !is_unit(words[i + 2])) continue;
    joined.push_back(words[i + 1] + " " + words[i + 2]);
    i += 2;
  }
  return joined;
}

/// Takes --resume and its directory out; nothing when it is not there.
std::optional<std::string> take_resume(Words& words) {
  const std::string flag = "--resume";
  std::optional<std::string> directory;
  for (auto word = words.begin(); word != words.end();) {
    if (word->starts_with(flag + "=")) {
      directory = word->substr(flag.size() + 1);
      word = words.erase(word);
    } else if (*word == flag) {
      if (word + 1 == words.end()) throw UsageError(flag + " needs the directory of a run's checkpoints");
      directory = *(word + 1);
      word = words.erase(word, word + 2);
    } else {
      ++word;
    }
  }
  return directory;
}

std::string text_of(const Value& object, const char* key) {
  const Value* found = object.find(key);
  const auto* text = found == nullptr ? nullptr : found->get_if<std::string>();
  return text == nullptr ? "" : *text;
}

void set_every(CheckpointOptions& options, const std::string& text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = parse_real(text.substr(0, end));
  const std::string unit(trim(std::string_view(text).substr(end)));
  if (!number || !(*number > 0) || (!unit.empty() && !is_unit(unit))) {
    throw UsageError("--every: expected a number of epochs, steps or seconds, as in '5 epochs', got " +
                     in_quotes(text));
  }
  options.every = *number;
  options.unit = unit.starts_with("step")     ? CheckpointOptions::Unit::steps
                 : unit.starts_with("second") ? CheckpointOptions::Unit::seconds
                                              : CheckpointOptions::Unit::epochs;
}

Value about_run(const TrainOptions& options, const Words& words) {
  Value::Object about = {{"words", Value::List(words.begin(), words.end())},
                         {"directory", fs::current_path().string()}};
  if (options.data.data.ends_with(".toml")) {
    std::string recipe = options.recipe_text.value_or("");
    if (recipe.empty()) {
      const std::vector<std::uint8_t> bytes = read_file(options.data.data, largest_recipe);
      recipe.assign(bytes.begin(), bytes.end());
    }
    about.emplace_back("recipe", recipe);
  }
  return about;
}

}  // namespace

Words complete_words(const Words& words, std::optional<std::string>& recipe) {
  Words now = joined_units(words);
  const std::optional<std::string> directory = take_resume(now);
  if (!directory) return now;
  const std::string place = fs::absolute(*directory).string();
  const Value about = Checkpoints::about(place);
  Words all;
  if (const Value* kept = about.find("words")) {
    if (const auto* list = kept->get_if<Value::List>()) {
      for (const Value& word : *list) all.push_back(FieldType<std::string>::from_value(word));
    }
  }
  if (all.empty())
    throw Error(ErrorCode::bad_data, *directory + ": the checkpoints do not say how the run was started");
  (void)take_resume(all);
  all.insert(all.end(), now.begin(), now.end());
  all.insert(all.end(), {"--resume", place});
  if (const std::string text = text_of(about, "recipe"); !text.empty()) recipe = text;
  std::error_code failed;
  fs::current_path(text_of(about, "directory"), failed);
  if (failed) note("The run was started in " + text_of(about, "directory") + ", which is no longer there.");
  return all;
}

std::unique_ptr<Checkpoints> open_checkpoints(const TrainOptions& options, const Words& words,
                                              std::function<void(const std::string&)> on_trouble) {
  if (!options.checkpoint && !options.resume) {
    if (options.every || options.keep) throw UsageError("--every and --keep go with --checkpoint DIR");
    return nullptr;
  }
  CheckpointOptions checkpoints;
  checkpoints.directory = options.resume ? *options.resume : *options.checkpoint;
  checkpoints.resume = options.resume.has_value();
  if (options.every) set_every(checkpoints, *options.every);
  if (options.keep) checkpoints.keep = *options.keep;
  checkpoints.about = about_run(options, words);
  try {
    return std::make_unique<Checkpoints>(std::move(checkpoints), std::move(on_trouble));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    throw UsageError(std::string(error.what()) + " (gradus train --resume DIR)");
  }
}

namespace {

std::string rate_text(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", rate);
  return text;
}

/// The smoothed loss over the rate, in letters: a column for each of some steps, the lowest rate left.
std::string plot(const RangeTest& test) {
  constexpr std::size_t height = 12, most_columns = 72, axis = 10;
  const std::size_t count = test.smooth.size(), columns = std::min(count, most_columns);
  // What lies above twice the first loss says nothing more.
  const double top = std::min(*std::max_element(test.smooth.begin(), test.smooth.end()), 2 * test.smooth.front());
  const double bottom = *std::min_element(test.smooth.begin(), test.smooth.end());
  const double range = top > bottom ? top - bottom : 1;
  std::vector<std::string> lines(height, std::string(columns, ' '));
  std::string marks(columns, ' ');
  for (std::size_t c = 0; c < columns; ++c) {
    const std::size_t step = c * (count - 1) / std::max<std::size_t>(1, columns - 1);
    const double share = std::clamp((test.smooth[step] - bottom) / range, 0.0, 1.0);
    lines[static_cast<std::size_t>(std::lround((1 - share) * (height - 1)))][c] = '*';
    if (test.rates[step] <= test.proposal) marks.assign(c, ' '), marks += "^" + std::string(columns - c - 1, ' ');
  }
  std::string text;
  char label[32];
  for (std::size_t line = 0; line < height; ++line) {
    std::snprintf(label, sizeof label, "%9.4g ", top - range * static_cast<double>(line) / (height - 1));
    text +=
        (line % 4 == 0 || line + 1 == height ? std::string(label) : std::string(axis, ' ')) + "|" + lines[line] + "\n";
  }
  text += std::string(axis, ' ') + "+" + std::string(columns, '-') + "\n";
  if (test.proposal > 0) text += std::string(axis + 1, ' ') + marks + "\n";
  const std::string first = rate_text(test.rates.front()), last = rate_text(test.rates.back());
  const std::size_t gap = columns > first.size() + last.size() ? columns - first.size() - last.size() : 1;
  return "loss, smoothed\n" + text + std::string(axis + 1, ' ') + first + std::string(gap, ' ') + last +
         "  learning rate\n";
}

/// Two digits are all that such a test is good for.
double rounded(double rate) {
  if (rate <= 0) return 0;
  const double unit = std::pow(10, std::floor(std::log10(rate)) - 1);
  return std::stod(rate_text(std::round(rate / unit) * unit));
}

}  // namespace

int find_rate(const TrainPlan& plan, const Sequential& model, bool json) {
  note("Learning-rate range test on " + plan.parts.train.name() +
       ": a copy of the model is trained while the rate grows.");
  const RangeTest test = find_learning_rate(model, plan.parts.train, plan.recipe.fit);
  const double proposal = rounded(test.proposal);
  if (json) {
    print_json(Value::Object{{"rates", list_value(test.rates)},
                             {"losses", list_value(test.losses)},
                             {"smoothed", list_value(test.smooth)},
                             {"diverged", test.diverged},
                             {"proposal", proposal > 0 ? Value(proposal) : Value()}});
    return done;
  }
  if (test.rates.empty()) {
    print("The loss is not finite at the first step, whatever the rate.\n");
    return done;
  }
  print(plot(test));
  if (proposal > 0) {
    print("Proposal: --learning-rate " + Value(proposal).to_string() + ", where the loss falls most steeply" +
          (test.diverged ? "; it grows beyond bounds from " + rate_text(test.rates.back()) + " on" : "") + ".\n");
  } else {
    print("No proposal: the loss does not fall at any rate up to " + rate_text(test.rates.back()) + ".\n");
  }
  return done;
}

}  // namespace gradus::app
