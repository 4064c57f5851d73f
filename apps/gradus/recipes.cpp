#include "formats/recipe.hpp"

#include <algorithm>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "terminal.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

Value recipe_value(const Recipe& recipe) {
  Value::List layers;
  for (const Layer& layer : recipe.layers) layers.push_back(spec_value(layer));
  return Value::Object{{"name", recipe.name},
                       {"title", recipe.title},
                       {"summary", recipe.summary},
                       {"source", recipe.source},
                       {"data", recipe.data.source},
                       {"layers", std::move(layers)},
                       {"optimizer", spec_value(recipe.compile.optimizer)},
                       {"loss", spec_value(recipe.compile.loss)},
                       {"epochs", recipe.fit.epochs},
                       {"batch_size", recipe.fit.batch_size}};
}

int list(const Words& words) {
  bool json = false;
  Arguments arguments("recipes list", "Lists the training runs that are built in. 'gradus train NAME' runs one.");
  arguments.flag("--json", json, "print one JSON object");
  if (!arguments.parse(words)) return done;
  Value::List values;
  for (const EmbeddedRecipe& embedded : recipes()) {
    const Recipe recipe = built_in_recipe(embedded.name);
    std::string line = recipe.name;
    line.resize(std::max<std::size_t>(18, line.size() + 2), ' ');
    if (!json) print(line + recipe.title + "\n");
    values.push_back(recipe_value(recipe));
  }
  if (json) print_json(Value::Object{{"recipes", std::move(values)}});
  return done;
}

int show_recipe(const Words& words) {
  std::string name;
  bool json = false;
  Arguments arguments("recipes show", "Prints a recipe as the TOML file that it is: a start for one of your own.");
  arguments.word("NAME", name, "a name from 'gradus recipes'").flag("--json", json, "print one JSON object");
  if (!arguments.parse(words)) return done;
  const Recipe recipe = built_in_recipe(name);
  if (json) {
    print_json(recipe_value(recipe));
    return done;
  }
  for (const EmbeddedRecipe& embedded : recipes()) {
    if (embedded.name == recipe.name) print(std::string(embedded.toml));
  }
  return done;
}

}  // namespace

int recipes_command(const Words& words) {
  static const std::vector<std::string> actions{"list", "show"};
  if (words.empty() || words[0] == "--json") return list(words);
  if (words[0] == "--help" || words[0] == "-h") {
    print(
        "usage: gradus recipes [list]         the training runs that are built in\n"
        "       gradus recipes show NAME      one of them, as a TOML file\n\n"
        "'gradus train NAME' runs one; 'gradus train file.toml' runs one of your own.\n");
    return done;
  }
  const Words rest(words.begin() + 1, words.end());
  if (words[0] == "list") return list(rest);
  if (words[0] == "show") return show_recipe(rest);
  throw UsageError("gradus recipes can list or show, not " + in_quotes(words[0]) + did_you_mean(words[0], actions));
}

}  // namespace gradus::app
