// What a table's first lines tell: its encoding, its separator, whether they are a header, and its columns.

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <tuple>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "data/csv_text.hpp"
#include "data/dates.hpp"

namespace gradus {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t lines_for_separator = 20;
constexpr std::size_t lines_for_header = 200;
constexpr std::size_t fields_for_header = 1'000'000;  // or two lines

[[noreturn]] void fail(const std::string& name, const std::string& sentence) {
  throw Error(ErrorCode::bad_data, name + ": " + sentence);
}

// --- encoding ---

void append_utf8(std::vector<std::uint8_t>& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<std::uint8_t>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
  if (code < 0x10000) return put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
  put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 0x3f)), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
}

std::vector<std::uint8_t> from_utf16(const std::string& name, std::span<const std::uint8_t> bytes, bool big_endian) {
  if (bytes.size() % 2 != 0) fail(name, "is UTF-16 with half a character at its end");
  std::vector<std::uint8_t> out;
  out.reserve(bytes.size() / 2);
  const auto unit = [&](std::size_t at) -> std::uint32_t {
    return big_endian ? bytes[at] << 8 | bytes[at + 1] : bytes[at + 1] << 8 | bytes[at];
  };
  for (std::size_t at = 2; at < bytes.size(); at += 2) {
    std::uint32_t code = unit(at);
    if (code >= 0xd800 && code < 0xe000) {
      const bool pair = code < 0xdc00 && at + 3 < bytes.size() && (unit(at + 2) & 0xfc00) == 0xdc00;
      if (!pair) fail(name, "is UTF-16 with half a pair at offset " + std::to_string(at));
      at += 2;
      code = 0x10000 + ((code - 0xd800) << 10 | (unit(at) - 0xdc00));
    }
    append_utf8(out, code);
  }
  return out;
}

/// What the bytes beyond ASCII are, up to the end or to some `enough` that are no UTF-8.
struct Beyond {
  std::size_t characters = 0;  // whole ones of UTF-8
  std::size_t broken = 0;      // bytes of none
  std::size_t first_broken = 0;
  bool undefined = false;  // one of the broken bytes is not a character of Windows-1252 either
};

Beyond look_beyond(std::string_view text, const MappedFile* file) {
  constexpr std::size_t piece = std::size_t{8} << 20, enough = 1000;
  Beyond found;
  std::size_t released = 0;
  for (std::size_t at = 0; at < text.size() && found.broken < enough;) {
    const std::string_view part = text.substr(at, piece);
    const auto beyond = std::find_if(part.begin(), part.end(), [](char c) { return static_cast<signed char>(c) < 0; });
    at += static_cast<std::size_t>(beyond - part.begin());
    if (file != nullptr && at - released >= piece) file->release(), released = at;
    if (beyond == part.end()) continue;
    const std::size_t length = character_length(text.substr(at));
    found.characters += length > 0 ? 1 : 0;
    if (length == 0) {
      if (found.broken++ == 0) found.first_broken = at;
      const std::string_view none("\x81\x8d\x8f\x90\x9d");
      found.undefined = found.undefined || none.find(text[at]) != std::string_view::npos;
    }
    at += std::max<std::size_t>(length, 1);
  }
  return found;
}

// The characters of Windows-1252 from 0x80 to 0x9f (WHATWG Encoding Standard); the others are their own number.
// 0x81 and four more stand for none.
std::vector<std::uint8_t> from_windows_1252(std::span<const std::uint8_t> bytes) {
  static constexpr std::array<std::uint16_t, 32> codes = {
      0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
      0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
      0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
  std::vector<std::uint8_t> out;
  out.reserve(bytes.size() + bytes.size() / 16);
  for (const std::uint8_t byte : bytes) append_utf8(out, byte >= 0x80 && byte < 0xa0 ? codes[byte - 0x80U] : byte);
  return out;
}

/// In a file where the text lies in one.
HeldBytes windows_1252_as_utf8(const HeldBytes& bytes) {
  if (bytes.file() == nullptr) return {from_windows_1252(bytes.all()), bytes.budget()};
  constexpr std::size_t piece = std::size_t{8} << 20;
  TemporaryFile file;
  for (std::size_t at = 0; at < bytes.all().size(); at += piece) {
    file.append(from_windows_1252(bytes.all().subspan(at, std::min(piece, bytes.all().size() - at))));
    bytes.file()->release();
  }
  return {file.map(), bytes.budget()};
}

void to_utf8(CsvText& text) {
  const std::string_view all = text.text();
  if (all.starts_with("\xff\xfe") || all.starts_with("\xfe\xff")) {
    text.bytes = {from_utf16(text.name, text.bytes.all(), all.starts_with("\xfe\xff")), text.bytes.budget()};
    return;
  }
  const std::string_view head = all.substr(0, 4096);
  const auto zero = head.find('\0');
  if (zero != std::string_view::npos) {
    fail(text.name, "is not text: a zero byte at offset " + std::to_string(zero));
  }
  const Beyond beyond = look_beyond(all, text.bytes.file().get());
  if (beyond.broken == 0) return;
  // Text of one byte a letter hardly ever has two that make a character of UTF-8.
  if (beyond.undefined || beyond.characters > beyond.broken) {
    const auto line = 1 + std::count(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(beyond.first_broken), '\n');
    fail(text.name + ":" + std::to_string(line),
         "is not UTF-8 at offset " + std::to_string(beyond.first_broken) +
             (beyond.undefined ? ", nor Windows-1252" : ", though it is elsewhere") + "; save it as UTF-8");
  }
  text.bytes = windows_1252_as_utf8(text.bytes);
  text.remarks.push_back(text.name + ": is not UTF-8; read as Windows-1252");
}

// --- fields ---

bool is_number(const std::string& field) {
  double ignored = 0;
  return field_kind({field, false}, ignored) == FieldKind::number;
}
bool is_amount(const std::string& field) {
  return is_number(field) || std::any_of(date_orders.begin(), date_orders.end(),
                                         [&](DateOrder order) { return DateTime::parse(field, order).has_value(); });
}

// --- separator ---

constexpr std::string_view separators = "\t;|,";

// How well a separator cuts the first lines.
struct Cut {
  std::size_t fields = 1;  // of a line
  bool even = false;       // each line has as many
  bool whole = true;       // no word holds another separator, where it may have to be cut
  double score = 0;        // the mean over the fields: 1 for numbers and dates, a half for words, 0 for those to cut
};

double score_of(const CsvField& field, char separator) {
  const std::string text(field.text);
  if (text.empty() || is_amount(text)) return 1;
  const bool cuttable = !field.quoted && std::any_of(separators.begin(), separators.end(), [&](char other) {
    return other != separator && text.find(other) != std::string::npos;
  });
  return cuttable ? 0 : 0.5;
}

// Nothing where the quotes do not fit with this separator.
std::optional<Cut> cut_with(char separator, const CsvText& table, std::string_view text) {
  CsvScanner scanner(table.name, text, separator, table.most_columns());
  std::vector<CsvField> row;
  Cut cut{.even = true};
  std::size_t least = 0, seen = 0;
  try {
    for (std::size_t line = 0; line < lines_for_separator && scanner.next(row); ++line) {
      if (line == 0) cut.fields = least = row.size();
      while (row.size() > cut.fields && row.back().text.empty()) row.pop_back();
      cut.even = cut.even && row.size() == cut.fields;
      least = std::min(least, row.size());
      for (const CsvField& field : row) {
        const double score = score_of(field, separator);
        cut.score += score;
        cut.whole = cut.whole && score > 0;
      }
      seen += row.size();
    }
  } catch (const Error&) {
    return std::nullopt;
  }
  // A ragged table is an error that the reader reports; as a candidate it counts for half.
  if (!cut.even) cut.fields = std::max<std::size_t>(1, least / 2);
  cut.score /= static_cast<double>(std::max<std::size_t>(1, seen));
  return cut;
}

bool is_one_of(std::size_t width, const std::vector<std::size_t>& widths) {
  return std::find(widths.begin(), widths.end(), width) != widths.end();
}

// The candidate that cuts the first lines into as many whole fields as the table is known to have, else into equally
// many, with numbers and dates rather than words that hold another separator; the more the better.
char find_separator(const CsvText& table, std::string_view text, const KnownTable& known) {
  const std::string file = lower(table.name);
  const bool tabs = file.ends_with(".tsv") || file.ends_with(".tsv.gz");
  char best = ',';
  std::tuple<bool, bool, bool, double, std::size_t> best_rank{};
  for (const char candidate : separators) {
    const std::optional<Cut> cut = cut_with(candidate, table, text);
    if (!cut) continue;
    const bool fits = cut->even && cut->whole && is_one_of(cut->fields, known.widths);
    const bool own = fits && known.decimal_commas && candidate != ',';
    if (cut->fields < 2 && !own) continue;
    if (tabs && candidate == '\t') return candidate;
    const std::tuple rank(fits, own, cut->even, cut->even ? cut->score : 0.0, cut->fields);
    if (rank > best_rank) best = candidate, best_rank = rank;
  }
  return best;
}

// The separator that a first line such as "sep=;" gives, which is taken off `text`; 0 for none.
char take_separator_line(std::string_view& text) {
  const std::string_view line = text.substr(0, std::min(text.find_first_of("\r\n"), text.size()));
  std::string_view said = line;
  if (said.size() > 2 && said.front() == '"' && said.back() == '"') said = said.substr(1, said.size() - 2);
  if (said.size() != 5 || !lower(said).starts_with("sep=")) return 0;
  if (separators.find(said.back()) == std::string_view::npos) return 0;
  text.remove_prefix(line.size());
  if (text.starts_with("\r\n")) text.remove_prefix(1);
  if (!text.empty()) text.remove_prefix(1);
  return said.back();
}

// --- header ---

// What the rows below the first say about one of its fields.
struct Below {
  bool numbers = false;  // there are some, and nothing else
  bool fractions = false;
  bool again = false;  // the field itself comes again
  double least = 0, greatest = 0;
};

Below look_below(const Rows& rows, std::size_t column) {
  Below below;
  std::int64_t numbers = 0, words = 0;
  for (std::size_t r = 1; r < rows.size(); ++r) {
    if (column >= rows[r].size()) continue;
    const std::string& field = rows[r][column];
    below.again = below.again || field == rows[0][column];
    double value = 0;
    const FieldKind kind = field_kind({field, false}, value);
    if (kind == FieldKind::number) {
      below.least = numbers == 0 ? value : std::min(below.least, value);
      below.greatest = numbers == 0 ? value : std::max(below.greatest, value);
      below.fractions = below.fractions || value != static_cast<double>(static_cast<std::int64_t>(value));
      ++numbers;
    } else if (kind == FieldKind::word && is_amount(field)) {
      ++numbers;
    } else if (kind == FieldKind::word) {
      ++words;
    }
  }
  below.numbers = numbers > 0 && words == 0;
  return below;
}

// Numbers are names when they count up by one, from a year or from 0, as pandas numbers columns, and do not look like
// the numbers below them, which have fractions or another range.
bool numbers_are_names(const Rows& rows, const std::vector<std::size_t>& places) {
  constexpr std::int64_t first_year = 1900, last_year = 2100;
  constexpr std::size_t few = 3, many = 10;
  if (rows.size() < 2 || places.empty()) return false;
  std::int64_t first = 0;
  std::size_t unlike = 0, above_fractions = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto value = parse_int(rows[0][places[i]]);
    if (!value || (i > 0 && *value != first + static_cast<std::int64_t>(i))) return false;
    if (i == 0) first = *value;
    const Below below = look_below(rows, places[i]);
    const auto number = static_cast<double>(*value);
    above_fractions += below.fractions ? 1 : 0;
    unlike += below.fractions || number < below.least || number > below.greatest ? 1 : 0;
  }
  // A word beside a year is enough; without one, and from 0 on, all numbers have to look like names.
  const bool years = first >= first_year && first <= last_year;
  if (years && places.size() < rows[0].size()) return unlike > 0;
  return (years || first == 0) && places.size() >= few && unlike == places.size() &&
         (above_fractions == places.size() || places.size() >= many);
}

// A first line of words is a header when numbers stand under one of them, or when none of its words comes again in its
// column. `sure` is false where only the latter says so.
bool find_header(const Rows& rows, bool& sure) {
  const std::vector<std::string>& first = rows.front();
  std::vector<std::size_t> numbered;
  bool word = false, above_numbers = false, again = false;
  sure = true;
  for (std::size_t c = 0; c < first.size(); ++c) {
    if (first[c].empty()) continue;  // pandas leaves the name of its row numbers empty, spreadsheets write more
    if (is_number(first[c])) {
      numbered.push_back(c);
      continue;
    }
    if (is_amount(first[c])) return false;
    const Below below = look_below(rows, c);
    word = true;
    above_numbers = above_numbers || below.numbers;
    again = again || below.again;
  }
  if (again && !above_numbers) return false;
  if (!numbered.empty()) return numbers_are_names(rows, numbered);
  if (!word) return false;
  sure = above_numbers;
  return true;
}

// --- columns ---

// Columns at the end that have neither a name nor a field with content, in all rows.
std::size_t width_with_content(const CsvText& text, std::string_view body, const Rows& rows) {
  const auto filled = [](const auto& fields, auto&& text_of) {
    std::size_t width = fields.size();
    while (width > 1 && text_of(fields[width - 1]).empty()) --width;
    return width;
  };
  std::size_t width = 1;
  for (const auto& row : rows) width = std::max(width, filled(row, [](const std::string& f) { return f; }));
  if (width == rows.front().size()) return width;
  CsvScanner scanner(text.name, body, text.separator, text.most_columns(), 1, text.bytes.file().get());
  std::vector<CsvField> fields;
  while (scanner.next(fields)) width = std::max(width, filled(fields, [](const CsvField& f) { return f.text; }));
  return std::min(width, rows.front().size());
}

void name_columns(CsvText& text, std::vector<std::string> first, std::size_t width) {
  first.resize(width);
  std::set<std::string> seen;
  std::vector<std::string> twice;
  for (std::size_t c = 0; c < first.size(); ++c) {
    const bool named = text.header && !first[c].empty();
    std::string name = named ? first[c] : std::to_string(c);
    if (seen.contains(name)) {
      std::size_t number = 1;
      while (seen.contains(name + "." + std::to_string(number))) ++number;
      twice.push_back(in_quotes(name) + " in column " + std::to_string(c + 1) + " is called " +
                      in_quotes(name + "." + std::to_string(number)));
      name += "." + std::to_string(number);
    }
    seen.insert(name);
    text.columns.push_back(std::move(name));
  }
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(twice.size(), 5); ++i) list += (i == 0 ? "" : ", ") + twice[i];
  if (!list.empty()) text.remarks.push_back(text.name + ": the header names columns alike: " + list);
}

}  // namespace

CsvText csv_text(std::string name, HeldBytes bytes, const datasets::CsvOptions& options, const KnownTable& known) {
  CsvText text{.name = std::move(name), .bytes = std::move(bytes), .columns = {}, .remarks = {}};
  to_utf8(text);
  std::string_view all = text.text();
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (all.starts_with(byte_order_mark)) {
    text.body = byte_order_mark.size();
    all.remove_prefix(text.body);
  }
  const std::size_t before = all.size();
  const char said = take_separator_line(all);
  text.body += before - all.size();
  text.body_line = said == 0 ? 1 : 2;
  if (trim(all.substr(0, 4096)).empty() && trim(all).empty()) fail(text.name, "is empty");
  text.separator = options.separator != 0 ? options.separator : said != 0 ? said : find_separator(text, all, known);
  CsvScanner scanner(text.name, all, text.separator, text.most_columns(), text.body_line);
  Rows rows;
  std::vector<CsvField> row;
  std::size_t second_row = 0;
  std::int64_t second_line = 1;
  std::size_t held = 0;
  while (rows.size() < lines_for_header && (rows.size() < 2 || held < fields_for_header) && scanner.next(row)) {
    held += row.size();
    rows.emplace_back();
    for (const CsvField& field : row) rows.back().emplace_back(field.text);
    if (rows.size() > 1) continue;
    second_row = scanner.position();
    second_line = scanner.next_line();
  }
  text.header = options.header ? *options.header : find_header(rows, text.header_sure);
  // An empty field at the end of a row of known width is a missing value.
  const bool whole_row = !text.header && is_one_of(rows.front().size(), known.widths);
  name_columns(text, rows.front(), whole_row ? rows.front().size() : width_with_content(text, all, rows));
  if (!options.header && text.header && !text.header_sure) {
    text.remarks.push_back(text.name + ": the first line is taken for the columns' names (--header no: for a row)");
  }
  if (text.header) {
    text.body += second_row;
    text.body_line = second_line;
  }
  return text;
}

}  // namespace gradus
