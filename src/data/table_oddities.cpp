#include "data/table_oddities.hpp"

#include "base/nearest.hpp"
#include "base/text.hpp"

namespace gradus {

void remarks_on(const OddColumns& columns, const TableSchema& schema, const std::string& source,
                std::vector<std::string>& remarks) {
  for (const auto& [column, odd] : columns) {
    const ColumnSchema& of = schema.columns[column];
    const auto remark = [&](const Oddity& what, const std::string& sentence) {
      if (what.count == 0) return;
      remarks.push_back(source + ":" + std::to_string(what.line) + ": column " + in_quotes(of.name) + ": " + sentence +
                        " (" + count_of(what.count, "row") + ")");
    };
    remark(odd.unknown_word, in_quotes(odd.unknown_word.first) + " is none of the words that the model knows" +
                                 did_you_mean(odd.unknown_word.first, of.categories) + "; it counts as " +
                                 (of.other_input ? "a rare word" : "none of them"));
    remark(odd.outside, in_quotes(odd.outside.first) +
                            " is outside the range that the model learnt from; it counts as "
                            "the end of that range");
    remark(odd.missing,
           of.missing_input ? std::string("the value is missing, as it was in some rows of training")
           : of.role == ColumnRole::words
               ? std::string("the word is missing; it counts as ") +
                     (*of.fill < 0 ? std::string("none") : in_quotes(of.categories[static_cast<std::size_t>(*of.fill)]))
               : std::string("the value is missing; the mean of training takes its place"));
  }
}

}  // namespace gradus
