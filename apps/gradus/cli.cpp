#include "cli.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <limits>
#include <sstream>

#include <gradus/read_limits.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "terminal.hpp"

namespace gradus::app {

namespace {

constexpr std::size_t page_width = 100;

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

/// "id, zip" as id and zip; commas within quotes separate nothing.
std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> names(1);
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  for (std::string& name : names) name = std::string(trim(name));
  std::erase_if(names, [](const std::string& name) { return name.empty(); });
  return names;
}

// Every command reads files.
constexpr const char* read_limit_flag = "--read-limit";
constexpr const char* read_limit_help =
    "how much memory what is unpacked and built from one file may take, as 512M, 8G or in bytes (default: 256M, or 100 "
    "times the file's size where that is more, and at most 64G)";

void set_read_limit(const std::string& text) {
  constexpr std::string_view units = "KMGT";
  std::string_view digits = text;
  const std::size_t unit = digits.empty() ? std::string_view::npos : units.find(digits.back());
  if (unit != std::string_view::npos) digits.remove_suffix(1);
  const unsigned shift = unit == std::string_view::npos ? 0 : 10 * (static_cast<unsigned>(unit) + 1);
  const auto number = parse_int(digits);
  if (!number || *number < 1 || *number > (std::numeric_limits<std::int64_t>::max() >> shift)) {
    throw UsageError(std::string(read_limit_flag) + ": expected a size such as 512M or 8G, got " + in_quotes(text));
  }
  const std::uint64_t bytes = static_cast<std::uint64_t>(*number) << shift;
  set_read_limits({.free = bytes, .per_byte = 0, .most = bytes});
}

}  // namespace

Arguments::Arguments(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {}

Arguments& Arguments::add(Item item) {
  items_.push_back(std::move(item));
  return *this;
}

Arguments& Arguments::word(const std::string& name, std::string& value, const std::string& help) {
  return add({"", name, help, "", true, false, [&value](const auto& given) { value = given.back(); }});
}

Arguments& Arguments::optional_words(const std::string& name, std::vector<std::string>& values,
                                     const std::string& help) {
  return add({"", name, help, "", false, true, [&values](const auto& given) { values = given; }});
}
Arguments& Arguments::words(const std::string& name, std::vector<std::string>& values, const std::string& help) {
  return add({"", name, help, "", true, true, [&values](const auto& given) { values = given; }});
}

Arguments& Arguments::option(const std::string& flag, const std::string& metavar, std::optional<std::string>& value,
                             const std::string& help, const std::string& standard) {
  return add({flag, metavar, help, standard, false, false, [&value](const auto& given) { value = given.back(); }});
}

Arguments& Arguments::option(const std::string& flag, const std::string& metavar, std::optional<std::int64_t>& value,
                             const std::string& help, const std::string& standard, std::int64_t least) {
  return add({flag, metavar, help, standard, false, false, [=, &value](const std::vector<std::string>& given) {
                value = parse_int(given.back());
                if (!value) throw UsageError(flag + ": " + in_quotes(given.back()) + " is not a whole number");
                if (*value < least)
                  throw UsageError(flag + ": must be " + std::to_string(least) + " or more, got " + given.back());
              }});
}

Arguments& Arguments::option(const std::string& flag, const std::string& metavar, std::optional<double>& value,
                             const std::string& help, const std::string& standard, double least, double most) {
  return add({flag, metavar, help, standard, false, false, [=, &value](const std::vector<std::string>& given) {
                value = parse_real(given.back());
                if (!value) throw UsageError(flag + ": " + in_quotes(given.back()) + " is not a number");
                if (*value < least || *value > most) {
                  std::ostringstream range;
                  range << flag << ": must lie between " << least << " and " << most << ", got " << given.back();
                  throw UsageError(range.str());
                }
              }});
}

Arguments& Arguments::choice(const std::string& flag, const std::vector<std::string>& choices, std::string& value,
                             const std::string& help) {
  return add(
      {flag, joined(choices, "|"), help, value, false, false, [=, &value](const std::vector<std::string>& given) {
         if (std::find(choices.begin(), choices.end(), given.back()) == choices.end()) {
           throw UsageError(flag + ": expected " + joined(choices, " or ") + ", got " + in_quotes(given.back()) +
                            did_you_mean(given.back(), choices));
         }
         value = given.back();
       }});
}

Arguments& Arguments::names(const std::string& flag, const std::string& metavar, std::vector<std::string>& values,
                            const std::string& help, const std::string& standard) {
  return add({flag, metavar, help, standard, false, true, [=, &values](const std::vector<std::string>& given) {
                for (const std::string& text : given) {
                  for (std::string& name : names_in(text)) values.push_back(std::move(name));
                }
                if (values.empty()) throw UsageError(flag + ": expected " + metavar + ", names with commas between");
              }});
}

Arguments& Arguments::flag(const std::string& flag, bool& value, const std::string& help) {
  return add({flag, "", help, "", false, false, [&value](const auto&) { value = true; }});
}

Arguments& Arguments::more_help(std::function<std::string()> text) {
  more_help_.push_back(std::move(text));
  return *this;
}

bool Arguments::parse(const std::vector<std::string>& arguments) const {
  CLI::App app;
  app.allow_extras();
  app.set_help_flag("");
  bool help_wanted = false;
  app.add_flag("-h,--help", help_wanted);
  std::string read_limit;
  CLI::Option* const limited = app.add_option(read_limit_flag, read_limit)->take_last();
  std::vector<std::string> single(items_.size());
  std::vector<std::vector<std::string>> several(items_.size());
  std::vector<CLI::Option*> options(items_.size());
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    const std::string name = item.flag.empty() ? item.metavar : item.flag;
    if (item.metavar.empty()) {
      options[i] = app.add_flag(name);
    } else if (item.many) {
      options[i] = app.add_option(name, several[i]);
      if (!item.flag.empty()) options[i]->allow_extra_args(false);
    } else {
      options[i] = app.add_option(name, single[i])->take_last();
    }
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string sentence = error.what(), flag = sentence.substr(0, sentence.find(':'));
    const auto item = std::find_if(items_.begin(), items_.end(), [&](const Item& each) { return each.flag == flag; });
    if (flag == read_limit_flag) throw UsageError(flag + " needs a value, " + read_limit_help);
    throw UsageError(item == items_.end() || item->metavar.empty()
                         ? sentence
                         : flag + " needs a value, " + item->metavar + ": " + item->help);
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  if (help_wanted) {
    std::fputs(help().c_str(), stdout);
    return false;
  }
  reject_extra(app.remaining());
  if (limited->count() > 0) set_read_limit(read_limit);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (options[i]->count() > 0) {
      item.set(item.many ? several[i] : std::vector<std::string>{single[i]});
    } else if (item.required) {
      throw UsageError(item.metavar + " is missing: " + item.help);
    }
  }
  return true;
}

void Arguments::reject_extra(const std::vector<std::string>& extra) const {
  std::vector<std::string> flags{"--help", read_limit_flag};
  for (const Item& item : items_) {
    if (!item.flag.empty()) flags.push_back(item.flag);
  }
  for (const std::string& word : extra) {
    if (word.starts_with("-")) {
      const std::string name = word.substr(0, word.find('='));
      throw UsageError("there is no option " + name + did_you_mean(name, flags));
    }
  }
  if (!extra.empty()) throw UsageError(in_quotes(extra[0]) + " is one word too many");
}

std::string Arguments::usage() const {
  std::string text = "usage: gradus " + name_;
  for (const Item& item : items_) {
    if (!item.flag.empty()) continue;
    const std::string word = item.metavar + (item.many ? "..." : "");
    text += item.required ? " " + word : " [" + word + "]";
  }
  return text + " [options]\n";
}

std::string Arguments::help() const {
  constexpr std::size_t column = 30;
  std::string text = usage() + "\n" + wrapped(summary_, page_width, 0) + "\n\n";
  const auto line = [&](const std::string& left, const std::string& right) {
    text += "  " + left;
    text += left.size() + 2 < column ? std::string(column - left.size() - 2, ' ') : "\n" + std::string(column, ' ');
    text += wrapped(right, page_width, column) + "\n";
  };
  for (const Item& item : items_) {
    if (item.flag.empty()) line(item.metavar, item.help);
  }
  text += "\nOptions\n";
  for (const Item& item : items_) {
    if (item.flag.empty()) continue;
    line(item.flag + (item.metavar.empty() ? "" : " " + item.metavar),
         item.help + (item.standard.empty() ? "" : " (default: " + item.standard + ")"));
  }
  line(std::string(read_limit_flag) + " SIZE", read_limit_help);
  line("-h, --help", "this text");
  for (const auto& more : more_help_) text += "\n" + more();
  return text;
}

}  // namespace gradus::app
