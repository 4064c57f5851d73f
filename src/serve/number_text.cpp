#include "serve/number_text.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "serve/http.hpp"

namespace gradus::serve {

namespace {

/// What a body nests around the list: an object, a list of inputs, an input.
constexpr std::int64_t depth_around = 4;
constexpr double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int largest_exact_power = 22;
/// What a 64-bit number holds for certain.
constexpr std::ptrdiff_t most_digits = 19;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Whether eight bytes are eight digits: each is 0x30 + 0..9, so that adding 6 carries into no high half.
bool are_digits(std::uint64_t bytes) {
  constexpr std::uint64_t high = 0xF0F0F0F0F0F0F0F0, zeros = 0x3030303030303030;
  return (bytes & high) == zeros && ((bytes + 0x0606060606060606) & high) == zeros;
}

/// Their number: neighbours are put together three times, first digits, then pairs, then fours.
std::uint64_t eight_digits(std::uint64_t bytes) {
  bytes &= 0x0F0F0F0F0F0F0F0F;
  bytes = (bytes * 10 + (bytes >> 8)) & 0x00FF00FF00FF00FF;
  bytes = (bytes * 100 + (bytes >> 16)) & 0x0000FFFF0000FFFF;
  return (bytes * 10000 + (bytes >> 32)) & 0xFFFFFFFF;
}

// The readers below take the place where they begin and give the place behind what they read, null where something else
// stands there. A place in a register is what makes them quick.

const char* after_space(const char* at) {
  while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') ++at;
  return at;
}

/// What follows `c`, with space before it or none.
const char* after(const char* at, char c) {
  if (*at != c) at = after_space(at);
  return *at == c ? at + 1 : nullptr;
}

/// Appends decimal digits, as many as there are.
const char* read_digits(const char* at, const char* end, std::uint64_t& digits) {
  // Most numbers of images are 0 or 0.0: one digit.
  if (!is_digit(*at)) return at;
  digits = digits * 10 + static_cast<std::uint64_t>(*at++ - '0');
  if (!is_digit(*at)) return at;
  while (end - at >= 8) {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof bytes);
    if (!are_digits(bytes)) break;
    digits = digits * 100'000'000 + eight_digits(bytes);
    at += 8;
  }
  while (is_digit(*at)) digits = digits * 10 + static_cast<std::uint64_t>(*at++ - '0');
  return at;
}

const char* read_exponent(const char* at, std::int64_t& power) {
  ++at;
  const bool negative = *at == '-';
  if (negative || *at == '+') ++at;
  if (!is_digit(*at)) return nullptr;
  std::int64_t exponent = 0;
  for (; is_digit(*at); ++at) {
    if (exponent < 100'000) exponent = 10 * exponent + (*at - '0');
  }
  power += negative ? -exponent : exponent;
  return at;
}

/// digits * 10^power as a float, where one division or product is known to give what the exact double would.
bool quickly(std::uint64_t digits, std::int64_t power, Real& out) {
  if (digits == 0) {
    out = 0;
    return true;
  }
  if (power < -largest_exact_power || power > largest_exact_power) return false;
  const double ten = powers_of_ten[power < 0 ? -power : power];
  const double value = power < 0 ? static_cast<double>(digits) / ten : static_cast<double>(digits) * ten;
  if (!(value > 1e-37 && value < 3e38)) return false;
  // With 53 bits or fewer both are exact before one rounding. Otherwise there are two roundings, an error of 2 units in
  // the last place at most: it shows in the float only close to the middle between two of them.
  if (digits >> 53 != 0) {
    constexpr std::uint64_t below_float = (1u << 29) - 1, middle = 1u << 28, margin = 4;
    const std::uint64_t low = std::bit_cast<std::uint64_t>(value) & below_float;
    if (low + margin >= middle && low <= middle + margin) return false;
  }
  out = static_cast<Real>(value);
  return true;
}

bool exactly(const char* begin, const char* end, Real& out) {
  double exact = 0;
  const auto [stop, error] = std::from_chars(begin, end, exact);
  if (error != std::errc{} || stop != end || !(std::abs(exact) <= std::numeric_limits<Real>::max())) return false;
  out = static_cast<Real>(exact);
  return true;
}

/// One number by JSON's grammar (RFC 8259, section 6).
const char* read_number(const char* const begin, const char* end, Real& out) {
  const bool negative = *begin == '-';
  const char* const first = begin + (negative ? 1 : 0);
  std::uint64_t digits = 0;
  const char* at = read_digits(first, end, digits);
  std::ptrdiff_t count = at - first;
  if (count == 0 || (count > 1 && *first == '0')) return nullptr;
  std::int64_t power = 0;
  if (*at == '.') {
    const char* const fraction = ++at;
    at = read_digits(fraction, end, digits);
    if (at == fraction) return nullptr;
    power = fraction - at;
    count -= power;
  }
  if (*at == 'e' || *at == 'E') {
    at = read_exponent(at, power);
    if (at == nullptr) return nullptr;
  }
  if (count <= most_digits && quickly(digits, power, out)) {
    if (negative) out = -out;
    return at;
  }
  return exactly(begin, at, out) ? at : nullptr;
}

/// Lists nested as `shape` says, from `axis` on.
const char* read_nested(const char* at, const char* end, const Shape& shape, std::size_t axis, Real*& out) {
  at = after(at, '[');
  if (at == nullptr) return nullptr;
  const bool last = axis + 1 == shape.rank();
  const std::int64_t size = shape[axis];
  for (std::int64_t i = 0; i < size; ++i) {
    if (i > 0 && (at = after(at, ',')) == nullptr) return nullptr;
    at = last ? read_number(after_space(at), end, *out++) : read_nested(at, end, shape, axis + 1, out);
    if (at == nullptr) return nullptr;
  }
  return after(at, ']');
}

/// The list's first byte; null where the key is not there, or stands for something else.
const char* list_of(std::string_view body, std::string_view key) {
  const std::string quoted = '"' + std::string(key) + '"';
  const std::size_t found = body.find(quoted);
  if (found == std::string_view::npos) return nullptr;
  const char* at = after(body.data() + found + quoted.size(), ':');
  if (at == nullptr) return nullptr;
  at = after_space(at);
  return *at == '[' ? at : nullptr;
}

const char* read_rows(const char* at, const char* end, const Shape& row, std::int64_t most_rows, CutNumbers& cut) {
  const auto width = static_cast<std::size_t>(row.elements());
  for (;;) {
    if (cut.rows == most_rows) return nullptr;
    cut.values.resize(cut.values.size() + width);
    Real* next = cut.values.data() + cut.values.size() - width;
    at = read_nested(at, end, row, 0, next);
    if (at == nullptr) return nullptr;
    ++cut.rows;
    const char* const more = after(at, ',');
    if (more == nullptr) return at;
    at = more;
  }
}

const char* read_flat(const char* at, const char* end, const Shape& row, std::int64_t most_rows, CutNumbers& cut) {
  const auto width = static_cast<std::size_t>(row.elements());
  const std::size_t most = static_cast<std::size_t>(most_rows) * width;
  cut.flat = true;
  cut.values.reserve(width);
  for (;;) {
    Real value = 0;
    if (cut.values.size() == most) return nullptr;
    at = read_number(after_space(at), end, value);
    if (at == nullptr) return nullptr;
    cut.values.push_back(value);
    const char* const more = after(at, ',');
    if (more == nullptr) break;
    at = more;
  }
  cut.rows = static_cast<std::int64_t>(cut.values.size() / width);
  return cut.values.size() % width == 0 ? at : nullptr;
}

}  // namespace

std::optional<CutNumbers> cut_numbers(std::string_view body, std::string_view key, const Shape& row, bool may_be_flat,
                                      std::int64_t most_rows, std::int64_t most_depth) {
  if (static_cast<std::int64_t>(row.rank()) + 1 + depth_around > most_depth || row.rank() == 0 || row.elements() == 0) {
    return std::nullopt;
  }
  const char* const list = list_of(body, key);
  if (list == nullptr) return std::nullopt;
  const char* const end = body.data() + body.size();
  const char* at = after_space(list + 1);
  const bool nested = *at == '[';
  if (!nested && !may_be_flat) return std::nullopt;
  CutNumbers cut;
  at = nested ? read_rows(at, end, row, most_rows, cut) : read_flat(at, end, row, most_rows, cut);
  if (at != nullptr) at = after(at, ']');
  if (at == nullptr || at > end) return std::nullopt;
  const std::string_view before(body.data(), static_cast<std::size_t>(list - body.data()));
  const std::string_view behind(at, static_cast<std::size_t>(end - at));
  constexpr std::string_view in_its_place = "null";
  cut.rest.reserve(before.size() + in_its_place.size() + behind.size() + body_padding);
  cut.rest.append(before).append(in_its_place).append(behind);
  // A name that is there twice, or spelled with escapes: the parser knows what is meant.
  const bool twice = behind.find(key) != std::string_view::npos;
  if (twice || cut.rest.find('\\') != std::string::npos) return std::nullopt;
  return cut;
}

}  // namespace gradus::serve
