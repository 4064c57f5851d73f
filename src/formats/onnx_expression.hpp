#pragma once

#include <cstdint>
#include <memory>
#include <vector>

/// What a piece of graph computes from one number x, in a normal form, so that two pieces which compute the same by
/// different nodes can be compared by structure.
namespace gradus::onnx {

/// A sum of terms, each a factor times a product of atoms. Products are multiplied out, equal terms joined. An atom is
///
///   x; erf, tanh, exp, ln, sqrt of an expression; 1 / an expression; [e > 0] and [e >= 0], which are 1 or 0
///
/// each to a power. What bends is written with [x > t] alone: max(x, 0) is [x > 0] x, and min(x, 6) is
/// x - [x > 6] x + 6 [x > 6]. So all functions that are linear in pieces have one form each, however they are written.
///
/// Numbers are equal when they differ by less than 1e-6, relatively where they are above 1: files hold them as float32.
/// An expression that grows beyond 32 terms is unknown, and equals none.
class Expression;

enum class AtomKind : std::uint8_t { variable, above, from, erf, tanh, exp, log, sqrt, inverse, above_zero };

struct Atom {
  AtomKind kind;
  double limit = 0;  ///< of above, [x > limit], and from, [x >= limit]
  std::shared_ptr<const Expression> inner{};
  int power = 1;
};

struct Term {
  double factor = 0;
  std::vector<Atom> atoms{};  ///< in a fixed order, each once
};

class Expression {
 public:
  explicit Expression(double constant);
  explicit Expression(const Term& term) : terms_{term} {}
  static Expression variable();
  static Expression unknown();

  [[nodiscard]] bool is_known() const { return known_; }
  /// In a fixed order, the constant first.
  [[nodiscard]] const std::vector<Term>& terms() const { return terms_; }
  /// The number that it is; `otherwise` when it depends on x or is unknown.
  [[nodiscard]] double constant_or(double otherwise) const;
  /// [x >= t] becomes [x > t] where the value at t is the same: the expression has no jump there.
  [[nodiscard]] Expression settled() const;
  /// Where [x > t] stand, each t once, ascending.
  [[nodiscard]] std::vector<double> limits() const;
  /// The factor of x far below 0, where no [x > t] holds.
  [[nodiscard]] double slope_below() const;
  [[nodiscard]] double at(double x) const;

  void add(const Term& term);

 private:
  bool known_ = true;
  std::vector<Term> terms_{};
};

Expression operator+(const Expression& a, const Expression& b);
Expression operator-(const Expression& a, const Expression& b);
Expression operator*(const Expression& a, const Expression& b);
/// By structure; nothing equals an unknown one.
bool operator==(const Expression& a, const Expression& b);

Expression erf_of(const Expression& e);
Expression tanh_of(const Expression& e);
Expression exp_of(const Expression& e);
Expression log_of(const Expression& e);
Expression sqrt_of(const Expression& e);
Expression inverse_of(const Expression& e);
Expression above_zero(const Expression& e);  ///< [e > 0]

Expression sigmoid_of(const Expression& e);   ///< 1 / (1 + e^-e)
Expression softplus_of(const Expression& e);  ///< ln(1 + e^e)
Expression abs_of(const Expression& e);
/// Whole exponents from -8 to 8, and 0.5; unknown for all others.
Expression power_of(const Expression& e, const Expression& exponent);
Expression smaller_of(const Expression& a, const Expression& b);
Expression greater_of(const Expression& a, const Expression& b);
Expression clipped(const Expression& e, const Expression& low, const Expression& high);

}  // namespace gradus::onnx
