#include "data/table_oddities.hpp"

#include <algorithm>
#include <utility>

#include "base/nearest.hpp"
#include "base/text.hpp"

namespace gradus {

void remarks_on(const OddColumns& columns, const TableSchema& schema, const std::string& source,
                std::vector<std::string>& remarks) {
  for (const auto& [column, odd] : columns) {
    const ColumnSchema& of = schema.columns[column];
    const auto say = [&](const Oddity& what, const std::string& sentence) {
      if (what.count == 0) return;
      std::string remark = source + ":" + std::to_string(what.line) + ": column " + in_quotes(of.name) + ": ";
      remark += sentence;
      remark += " (" + count_of(what.count, "row") + ")";
      remarks.push_back(std::move(remark));
    };
    say(odd.unknown_word, in_quotes(odd.unknown_word.first) + " is none of the words that the model knows" +
                              did_you_mean(odd.unknown_word.first, of.categories) + "; it counts as " +
                              (of.other_input ? "a rare word" : "none of them"));
    const std::string part(odd.outside.part);
    say(odd.outside, (part.empty() ? "" : "the " + part + " of ") + in_quotes(odd.outside.first) +
                         " is outside the range that the model learnt from; it counts as "
                         "the end of that range");
    const bool zero = of.parts.empty() ? of.fill == 0.0
                                       : std::all_of(of.parts.begin(), of.parts.end(),
                                                     [](const DateInput& input) { return input.fill == 0; });
    say(odd.missing,
        of.missing_input ? std::string("the value is missing, as it was in some rows of training")
        : of.role == ColumnRole::words
            ? std::string("the word is missing; it counts as ") +
                  (*of.fill < 0 ? std::string("none") : in_quotes(of.categories[static_cast<std::size_t>(*of.fill)]))
            : std::string("the value is missing; ") + (zero ? "0" : "the mean of training") + " takes its place");
  }
}

}  // namespace gradus
