#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "base/thread_group.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "terminal.hpp"

namespace gradus::app {

namespace {

struct Command {
  std::string name;
  std::string takes;
  std::string summary;
  int (*run)(const Words&);
};

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"train", "DATA|RECIPE", "train a network and save it", train},
      {"evaluate", "MODEL DATA", "measure how good a model is", evaluate},
      {"predict", "MODEL FILE...|-", "what a model makes of images, table rows or arrays", predict},
      {"inspect", "MODEL", "a model's layers and weights", inspect},
      {"convert", "FROM TO", "write a model in another format", convert},
      {"explain", "MODEL DATA", "follow one sample through a network and back", explain_sample},
      {"show", "DATA", "look at samples, and at what a model makes of them", show},
      {"serve", "MODEL...", "answer requests over HTTP", serve_command},
      {"data", "list|info|fetch", "the data sets there are", data},
      {"recipes", "[list|show]", "ready training runs", recipes_command},
      {"search", "RECIPE", "try values for a recipe's options and find the best", search},
      {"bench", "[WORKLOAD...]", "how fast this machine trains and predicts", bench},
  };
  return all;
}

std::string overview() {
  std::string text = "Gradus trains, explains, saves and serves neural networks.\n\nusage: gradus COMMAND ...\n\n";
  for (const Command& command : commands()) {
    std::string left = "  " + command.name + " " + command.takes;
    left.resize(30, ' ');
    text += left + command.summary + "\n";
  }
  return text +
         "\n'gradus COMMAND --help' says what a command takes. Results go to standard output, messages to standard\n"
         "error; --json makes the results one JSON object.\n\n"
         "Exit status: 0 done, 1 the run failed, 2 wrong usage, 3 bad input data or file, 130 interrupted.\n"
         "Environment: GRADUS_DATA_DIR adds directories where data sets lie, GRADUS_MIRRORS replaces the places they\n"
         "are downloaded from, XDG_CACHE_HOME is where they are kept, NO_COLOR turns colours off.\n";
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return wrong_usage;
    case ErrorCode::bad_data:
    case ErrorCode::not_found:
    case ErrorCode::unsupported:
      return bad_input;
    case ErrorCode::io:
    case ErrorCode::not_finite:
      break;
  }
  return run_failed;
}

int run_command(const Words& arguments) {
  if (arguments.empty()) {
    std::fputs(overview().c_str(), stderr);
    return wrong_usage;
  }
  const std::string& first = arguments[0];
  const Words rest(arguments.begin() + 1, arguments.end());
  if (first == "--help" || first == "-h" || (first == "help" && rest.empty())) {
    print(overview());
    return done;
  }
  if (first == "--version") {
    print("gradus " GRADUS_VERSION "\n");
    return done;
  }
  if (first == "help") return run_command({rest[0], "--help"});
  std::vector<std::string> names{"--help", "--version"};
  for (const Command& command : commands()) {
    if (command.name == first) return command.run(rest);
    names.push_back(command.name);
  }
  throw UsageError(
      (first.starts_with("-") ? "there is no option " + first : "there is no command " + in_quotes(first)) +
      did_you_mean(first, names));
}

int run_and_report(const Words& arguments) {
  on_missing_threads([](const std::string& sentence) { note("gradus: " + sentence); });
  const std::string name = arguments.empty() ? "gradus" : "gradus " + arguments[0];
  try {
    const int status = run_command(arguments);
    flush_output();
    return status;
  } catch (const UsageError& error) {
    const bool known = !arguments.empty() && std::any_of(commands().begin(), commands().end(),
                                                         [&](const Command& c) { return c.name == arguments[0]; });
    const std::string sentence = error.what();
    note("gradus: " + sentence + (sentence.ends_with("?") ? "" : "."));
    note("'" + (known ? name : "gradus") + " --help' says what there is.");
    return wrong_usage;
  } catch (const Error& error) {
    note("gradus: " + std::string(error.what()));
    return status_of(error.code());
  } catch (const std::bad_alloc&) {
    note("gradus: not enough memory");
  } catch (const std::exception& error) {
    note("gradus: " + std::string(error.what()));
  }
  return run_failed;
}

}  // namespace

}  // namespace gradus::app

int main(int count, char** words) {
  // A file beyond the limit of its size (ulimit -f) is then an error like a full disk, and no end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  return gradus::app::run_and_report({words + 1, words + count});
}
