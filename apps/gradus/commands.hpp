#pragma once

#include <string>
#include <vector>

namespace gradus::app {

/// Exit statuses of the program.
enum ExitStatus : int {
  done = 0,
  run_failed = 1,
  wrong_usage = 2,
  bad_input = 3,
  was_interrupted = 130,
};

/// Each subcommand lies in the file of its name. It gets the words behind its name, prints its results and returns an
/// exit status; errors leave it as exceptions.
using Words = std::vector<std::string>;
int train(const Words& words);
int evaluate(const Words& words);
int predict(const Words& words);
int inspect(const Words& words);
int convert(const Words& words);
int explain_sample(const Words& words);
int show(const Words& words);
int data(const Words& words);
int recipes_command(const Words& words);
int search(const Words& words);
int bench(const Words& words);
int serve_command(const Words& words);

}  // namespace gradus::app
