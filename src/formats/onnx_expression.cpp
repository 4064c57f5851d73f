#include "formats/onnx_expression.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace gradus::onnx {

namespace {

constexpr std::size_t most_terms = 32, most_atoms = 16;
constexpr double tolerance = 1e-6;

bool close(double a, double b) { return std::abs(a - b) <= tolerance * std::max({1.0, std::abs(a), std::abs(b)}); }
int order_of(double a, double b) { return close(a, b) ? 0 : a < b ? -1 : 1; }

bool is_limit(AtomKind kind) { return kind == AtomKind::above || kind == AtomKind::from; }

/// -1, 0 or 1. Atoms differ by what they are, then by their power; a term's factor does not count.
int order_of(const Expression& a, const Expression& b);

int order_of_kinds(const Atom& a, const Atom& b) {
  if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
  if (const int order = order_of(a.limit, b.limit); order != 0) return order;
  return a.inner == nullptr || a.inner == b.inner ? 0 : order_of(*a.inner, *b.inner);
}

int order_of(const Atom& a, const Atom& b) {
  const int order = order_of_kinds(a, b);
  return order != 0 ? order : a.power < b.power ? -1 : a.power > b.power ? 1 : 0;
}

int order_of(const Term& a, const Term& b) {
  if (a.atoms.size() != b.atoms.size()) return a.atoms.size() < b.atoms.size() ? -1 : 1;
  for (std::size_t i = 0; i < a.atoms.size(); ++i) {
    if (const int order = order_of(a.atoms[i], b.atoms[i]); order != 0) return order;
  }
  return 0;
}

int order_of(const Expression& a, const Expression& b) {
  if (a.terms().size() != b.terms().size()) return a.terms().size() < b.terms().size() ? -1 : 1;
  for (std::size_t i = 0; i < a.terms().size(); ++i) {
    if (const int order = order_of(a.terms()[i], b.terms()[i]); order != 0) return order;
    if (const int order = order_of(a.terms()[i].factor, b.terms()[i].factor); order != 0) return order;
  }
  return 0;
}

/// Multiplies by one more atom. [x > a] [x > b] is [x > max(a, b)].
void multiply(Term& term, const Atom& atom) {
  const auto same = std::find_if(term.atoms.begin(), term.atoms.end(), [&](const Atom& each) {
    return is_limit(atom.kind) ? is_limit(each.kind) : order_of_kinds(each, atom) == 0;
  });
  Atom joined = atom;
  if (same != term.atoms.end()) {
    if (is_limit(atom.kind)) {
      const int order = order_of(same->limit, atom.limit);
      if (order > 0 || (order == 0 && same->kind == AtomKind::above)) joined = *same;
    } else if (atom.kind != AtomKind::above_zero) {  // which is 1 or 0
      joined.power += same->power;
    }
    term.atoms.erase(same);
    if (joined.power == 0) return;
  }
  const auto place =
      std::find_if(term.atoms.begin(), term.atoms.end(), [&](const Atom& each) { return order_of(joined, each) < 0; });
  term.atoms.insert(place, joined);
}

double value_of(const Atom& atom, double x) {
  switch (atom.kind) {
    case AtomKind::variable:
      return std::pow(x, atom.power);
    case AtomKind::above:
      return x > atom.limit ? 1 : 0;
    case AtomKind::from:
      return x >= atom.limit ? 1 : 0;
    default:
      break;
  }
  const double inner = atom.inner->at(x);
  const auto function = [&] {
    switch (atom.kind) {
      case AtomKind::erf:
        return std::erf(inner);
      case AtomKind::tanh:
        return std::tanh(inner);
      case AtomKind::exp:
        return std::exp(inner);
      case AtomKind::log:
        return std::log(inner);
      case AtomKind::sqrt:
        return std::sqrt(inner);
      case AtomKind::inverse:
        return 1 / inner;
      default:
        return inner > 0 ? 1.0 : 0.0;
    }
  };
  return std::pow(function(), atom.power);
}

Expression negated(const Expression& e) { return Expression(-1) * e; }

}  // namespace

// --- sums and products ---

Expression::Expression(double constant) : known_(std::isfinite(constant)) {
  if (known_ && constant != 0) terms_.push_back({constant, {}});
}

Expression Expression::variable() { return Expression(Term{1, {{AtomKind::variable}}}); }

Expression Expression::unknown() {
  Expression result(0.0);
  result.known_ = false;
  return result;
}

double Expression::constant_or(double otherwise) const {
  if (!known_) return otherwise;
  if (terms_.empty()) return 0;
  return terms_.size() == 1 && terms_[0].atoms.empty() ? terms_[0].factor : otherwise;
}

void Expression::add(const Term& term) {
  const auto place =
      std::find_if(terms_.begin(), terms_.end(), [&](const Term& each) { return order_of(term, each) <= 0; });
  if (place == terms_.end() || order_of(term, *place) != 0) {
    if (terms_.size() == most_terms) known_ = false;
    if (known_) terms_.insert(place, term);
    return;
  }
  const double sum = place->factor + term.factor;
  // What two numbers of float32 leave when they cancel.
  if (std::abs(sum) <= tolerance * std::max(std::abs(place->factor), std::abs(term.factor))) {
    terms_.erase(place);
  } else {
    place->factor = sum;
  }
}

Expression operator+(const Expression& a, const Expression& b) {
  if (!a.is_known() || !b.is_known()) return Expression::unknown();
  Expression sum = a;
  for (const Term& term : b.terms()) sum.add(term);
  return sum;
}

Expression operator-(const Expression& a, const Expression& b) { return a + negated(b); }

Expression operator*(const Expression& a, const Expression& b) {
  if (!a.is_known() || !b.is_known()) return Expression::unknown();
  Expression product(0.0);
  for (const Term& left : a.terms()) {
    for (const Term& right : b.terms()) {
      Term term = left;
      term.factor *= right.factor;
      for (const Atom& atom : right.atoms) multiply(term, atom);
      if (term.atoms.size() > most_atoms || !std::isfinite(term.factor)) return Expression::unknown();
      product.add(term);
      if (!product.is_known()) return Expression::unknown();
    }
  }
  return product;
}

bool operator==(const Expression& a, const Expression& b) {
  return a.is_known() && b.is_known() && order_of(a.settled(), b.settled()) == 0;
}

double Expression::at(double x) const {
  double sum = 0;
  for (const Term& term : terms_) {
    double product = term.factor;
    for (const Atom& atom : term.atoms) product *= value_of(atom, x);
    sum += product;
  }
  return sum;
}

std::vector<double> Expression::limits() const {
  std::vector<double> limits;
  for (const Term& term : terms_) {
    for (const Atom& atom : term.atoms) {
      if (is_limit(atom.kind)) limits.push_back(atom.limit);
    }
  }
  std::sort(limits.begin(), limits.end());
  limits.erase(std::unique(limits.begin(), limits.end(), close), limits.end());
  return limits;
}

double Expression::slope_below() const {
  for (const Term& term : terms_) {
    if (term.atoms.size() == 1 && term.atoms[0].kind == AtomKind::variable && term.atoms[0].power == 1) {
      return term.factor;
    }
  }
  return 0;
}

Expression Expression::settled() const {
  Expression result = *this;
  for (const double limit : limits()) {
    Expression without(0.0), jump(0.0);  // this = without + jump [x >= limit]
    for (const Term& term : result.terms_) {
      const auto at = std::find_if(term.atoms.begin(), term.atoms.end(), [&](const Atom& atom) {
        return atom.kind == AtomKind::from && close(atom.limit, limit);
      });
      if (at == term.atoms.end()) {
        without.add(term);
        continue;
      }
      Term factor = term;
      factor.atoms.erase(factor.atoms.begin() + (at - term.atoms.begin()));
      jump.add(factor);
    }
    const bool none = jump.terms_.empty() || !(std::abs(jump.at(limit)) <= tolerance * std::max(1.0, std::abs(limit)));
    if (!none) result = without + jump * Expression(Term{1, {{AtomKind::above, limit}}});
  }
  return result;
}

// --- functions ---

namespace {

constexpr double no_constant = std::numeric_limits<double>::quiet_NaN();

Expression atom(AtomKind kind, const Expression& e) {
  return Expression(Term{1, {{kind, 0, std::make_shared<const Expression>(e.settled())}}});
}

/// A function of a number where `e` is one, else an atom. An odd one takes its argument with a factor above 0 first.
Expression applied(AtomKind kind, const Expression& e, double (*function)(double), bool odd) {
  if (!e.is_known()) return e;
  const double constant = e.constant_or(no_constant);
  if (!std::isnan(constant)) return Expression(function(constant));
  if (odd && e.terms().front().factor < 0) return negated(atom(kind, negated(e)));
  return atom(kind, e);
}

/// Whether it is a x + b between the limits.
bool is_linear_in_pieces(const Expression& e) {
  return std::all_of(e.terms().begin(), e.terms().end(), [](const Term& term) {
    return std::all_of(term.atoms.begin(), term.atoms.end(), [](const Atom& each) {
      return is_limit(each.kind) || (each.kind == AtomKind::variable && each.power == 1);
    });
  });
}

/// Points strictly between the given ones, ascending, and beyond both ends: one more than there are.
std::vector<double> between(const std::vector<double>& points) {
  if (points.empty()) return {0};
  std::vector<double> middles = {points.front() - 1};
  for (std::size_t i = 0; i + 1 < points.size(); ++i) middles.push_back((points[i] + points[i + 1]) / 2);
  middles.push_back(points.back() + 1);
  return middles;
}

/// [e > 0] for one that is linear in pieces: it changes where a piece begins or crosses 0.
Expression above_zero_in_pieces(const Expression& e) {
  constexpr double little = 1e-9;
  std::vector<double> points = e.limits();
  const std::vector<double> limits = points, inside = between(limits);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const double step = i == 0 || i == limits.size() ? 0.5 : (limits[i] - limits[i - 1]) / 8;
    const double here = e.at(inside[i]), slope = (e.at(inside[i] + step) - here) / step;
    if (std::abs(slope) < little) continue;
    const double root = inside[i] - here / slope;
    if ((i == 0 || root > limits[i - 1]) && (i == limits.size() || root < limits[i])) points.push_back(root);
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end(), close), points.end());
  const std::vector<double> middles = between(points);
  const auto positive = [&](double x) { return e.at(x) > little; };
  Expression result(positive(middles[0]) ? 1.0 : 0.0);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool before = positive(middles[i]), after = positive(middles[i + 1]);
    if (before == after) continue;
    // At the point itself it may hold still, or already.
    const AtomKind kind = positive(points[i]) == after ? AtomKind::from : AtomKind::above;
    result.add(Term{after ? 1.0 : -1.0, {{kind, points[i]}}});
  }
  return result;
}

}  // namespace

Expression erf_of(const Expression& e) {
  return applied(
      AtomKind::erf, e, [](double x) { return std::erf(x); }, true);
}
Expression tanh_of(const Expression& e) {
  return applied(
      AtomKind::tanh, e, [](double x) { return std::tanh(x); }, true);
}
Expression log_of(const Expression& e) {
  return applied(
      AtomKind::log, e, [](double x) { return std::log(x); }, false);
}
Expression sqrt_of(const Expression& e) {
  return applied(
      AtomKind::sqrt, e, [](double x) { return std::sqrt(x); }, false);
}

// e^(c + g) is e^c e^g, and e^-g is 1 / e^g.
Expression exp_of(const Expression& e) {
  if (!e.is_known()) return e;
  Expression rest(0.0);
  double constant = 0;
  for (const Term& term : e.terms()) {
    if (term.atoms.empty()) {
      constant = term.factor;
    } else {
      rest.add(term);
    }
  }
  if (rest.terms().empty()) return Expression(std::exp(constant));
  const bool below = rest.terms().front().factor < 0;
  Expression power = atom(AtomKind::exp, below ? negated(rest) : rest);
  if (below) power = inverse_of(power);
  return Expression(std::exp(constant)) * power;
}

Expression inverse_of(const Expression& e) {
  if (!e.is_known() || e.terms().empty()) return Expression::unknown();
  const double first = e.terms().front().factor;
  if (e.terms().size() > 1) return Expression(1 / first) * atom(AtomKind::inverse, Expression(1 / first) * e);
  Term inverse = e.terms().front();
  inverse.factor = 1 / first;
  for (Atom& each : inverse.atoms) {
    if (is_limit(each.kind) || each.kind == AtomKind::above_zero) return Expression::unknown();
    each.power = -each.power;
  }
  return Expression(1.0) * Expression(inverse);
}

Expression above_zero(const Expression& e) {
  if (!e.is_known()) return e;
  if (is_linear_in_pieces(e)) return above_zero_in_pieces(e);
  const Term& last = e.terms().back();
  const double constant = e.terms().front().atoms.empty() ? e.terms().front().factor : 0;
  const bool alone = e.terms().size() == (constant == 0 ? 1U : 2U);
  if (alone && last.atoms.size() == 1 && last.atoms[0].kind == AtomKind::exp && last.atoms[0].power == 1) {
    const double limit = -constant / last.factor;  // e^g beyond it
    if (limit <= 0) return Expression(last.factor > 0 ? 1.0 : 0.0);
    const Expression beyond = *last.atoms[0].inner - Expression(std::log(limit));
    return above_zero(last.factor > 0 ? beyond : negated(beyond));
  }
  return atom(AtomKind::above_zero, Expression(1 / std::abs(last.factor)) * e);
}

Expression sigmoid_of(const Expression& e) { return inverse_of(Expression(1.0) + exp_of(negated(e))); }
Expression softplus_of(const Expression& e) { return log_of(Expression(1.0) + exp_of(e)); }
Expression abs_of(const Expression& e) { return Expression(2.0) * above_zero(e) * e - e; }

Expression power_of(const Expression& e, const Expression& exponent) {
  const double n = exponent.constant_or(no_constant);
  if (n == 0.5) return sqrt_of(e);
  if (!(std::abs(n) <= 8) || n != std::nearbyint(n)) return Expression::unknown();
  Expression result(1.0);
  for (int i = 0; i < std::abs(static_cast<int>(n)); ++i) result = result * e;
  return n < 0 ? inverse_of(result) : result;
}

Expression smaller_of(const Expression& a, const Expression& b) { return a - above_zero(a - b) * (a - b); }
Expression greater_of(const Expression& a, const Expression& b) { return a + above_zero(b - a) * (b - a); }
Expression clipped(const Expression& e, const Expression& low, const Expression& high) {
  return greater_of(smaller_of(e, high), low);
}

}  // namespace gradus::onnx
