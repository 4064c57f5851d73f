#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace gradus::app {

/// The command line makes no sense: exit status 2, with a pointer to the help.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a subcommand takes, said once: parsing, checks, help and "did you mean" follow from it. `--help` and `-h` come
/// with it. Options that were not given leave their variables as they are.
class Arguments {
 public:
  /// `name` and `summary` head the help: "train", "Trains a network and saves it."
  Arguments(std::string name, std::string summary);

  /// Words without dashes, in this order.
  Arguments& word(const std::string& name, std::string& value, const std::string& help);
  /// All further words; one at least.
  Arguments& words(const std::string& name, std::vector<std::string>& values, const std::string& help);
  /// All further words, if any.
  Arguments& optional_words(const std::string& name, std::vector<std::string>& values, const std::string& help);

  /// An option with a value. `standard` is the default as the help shows it, with its unit: "32 samples".
  Arguments& option(const std::string& flag, const std::string& metavar, std::optional<std::string>& value,
                    const std::string& help, const std::string& standard);
  /// A whole number of `least` or more.
  Arguments& option(const std::string& flag, const std::string& metavar, std::optional<std::int64_t>& value,
                    const std::string& help, const std::string& standard, std::int64_t least);
  /// A number between `least` and `most`, both included.
  Arguments& option(const std::string& flag, const std::string& metavar, std::optional<double>& value,
                    const std::string& help, const std::string& standard, double least, double most);
  /// Names with commas between, in quotes where they hold commas; may be given several times.
  Arguments& names(const std::string& flag, const std::string& metavar, std::vector<std::string>& values,
                   const std::string& help, const std::string& standard);
  /// One of some words.
  Arguments& choice(const std::string& flag, const std::vector<std::string>& choices, std::string& value,
                    const std::string& help);
  /// A switch, off unless given.
  Arguments& flag(const std::string& flag, bool& value, const std::string& help);

  /// Paragraphs behind the options, asked for only when the help is shown.
  Arguments& more_help(std::function<std::string()> text);

  /// Fills the variables. Returns false when help was asked for, and then has printed it. Throws UsageError.
  [[nodiscard]] bool parse(const std::vector<std::string>& arguments) const;

 private:
  struct Item {
    std::string flag;     // "--epochs"; empty for a word
    std::string metavar;  // "N"; empty for a switch
    std::string help;
    std::string standard;
    bool required = false;
    bool many = false;  // takes all that is given
    std::function<void(const std::vector<std::string>&)> set;
  };
  Arguments& add(Item item);
  [[nodiscard]] std::string help() const;
  [[nodiscard]] std::string usage() const;
  void reject_extra(const std::vector<std::string>& extra) const;

  std::string name_, summary_;
  std::vector<Item> items_;
  std::vector<std::function<std::string()>> more_help_;
};

}  // namespace gradus::app
