// What a pickle has Python call: four functions of numpy, and bytes out of text. They are performed here, not called.

#include <utility>

#include <gradus/error.hpp>

#include "data/pickle.hpp"
#include "data/pickle_text.hpp"

namespace gradus {
namespace {

constexpr std::size_t most_axes = 32;

}  // namespace

std::int64_t PickleReader::whole(const PickleValue& value) const {
  constexpr double most = 9e15;  // beyond it doubles skip whole numbers
  if (value.kind != Kind::number || !(value.number >= -most && value.number <= most) ||
      value.number != static_cast<double>(static_cast<std::int64_t>(value.number))) {
    fail("expected a whole number");
  }
  return static_cast<std::int64_t>(value.number);
}

// What Python would call.
void PickleReader::reduce() {
  const PickleValue& arguments = pop();
  const PickleValue& function = pop();
  if (function.kind != Kind::global || arguments.kind != Kind::sequence)
    fail("something is called that is no function");
  const auto& items = arguments.items;
  const auto& name = function.text;
  if (name.ends_with(" _reconstruct")) {
    if (items.size() != 3 || items[0]->kind != Kind::global || items[0]->text != "numpy ndarray") {
      refuse("an object that is a kind of its own of numpy's array");
    }
    push(make(Kind::array));
  } else if (name == "numpy dtype") {
    if (items.empty() || !items[0]->is_text_or_bytes()) fail("a number type without a name");
    push_text(Kind::dtype, items[0]->text);
    if (!items[0]->text.empty() && std::string_view("<>|=").find(items[0]->text[0]) != std::string_view::npos) {
      PickleValue& dtype = values_.back();
      dtype.byte_order = dtype.text[0];
      dtype.text.erase(0, 1);
    }
  } else if (name == "_codecs encode") {
    const bool known = items.size() == 2 && items[0]->kind == Kind::text && items[1]->is_text_or_bytes() &&
                       (items[1]->text == "latin1" || items[1]->text == "latin-1");
    if (!known) fail("text in another encoding than latin1");
    std::string raw;
    held_ += items[0]->text.size();
    if (held_ > most_held_ || !to_latin1(items[0]->text, raw)) fail("bytes written as text that is not latin1");
    push_text(Kind::bytes, std::move(raw));
  } else if (name.ends_with(" _frombuffer")) {
    const bool known = items.size() == 4 && items[3]->is_text_or_bytes();
    if (!known) fail("an array without its four parts: bytes, number type, shape, order");
    PickleValue& array = make(Kind::array);
    array.fortran_order = items[3]->text == "F";
    set_array(array, *items[2], *items[1], *items[0]);
    push(array);
  } else {
    fail("something is called that is no function");
  }
}

void PickleReader::set_array(PickleValue& array, const PickleValue& shape, const PickleValue& dtype,
                             const PickleValue& data) {
  if (dtype.kind != Kind::dtype || shape.kind != Kind::sequence) fail("an array without number type and shape");
  if (data.kind != Kind::bytes) refuse("an array of Python objects");
  if (shape.items.size() > most_axes) fail("an array with more than 32 axes");
  std::vector<std::int64_t> sizes;
  for (const PickleValue* size : shape.items) sizes.push_back(whole(*size));
  array.shape = std::move(sizes);
  array.dtype = &dtype;
  array.data = &data;
}

void PickleReader::build_array(PickleValue& array, const std::vector<const PickleValue*>& state) {
  if (state.size() != 5) fail("an array's state has " + std::to_string(state.size()) + " parts, expected 5");
  array.fortran_order = whole(*state[3]) != 0;
  set_array(array, *state[1], *state[2], *state[4]);
}

void PickleReader::build() {
  const PickleValue& state = pop();
  const PickleValue& target = pop();
  push(target);
  if (state.kind != Kind::sequence) refuse("an object with attributes");
  PickleValue& object = const_cast<PickleValue&>(target);  // all values are this object's own
  if (target.kind == Kind::array) {
    build_array(object, state.items);
  } else if (target.kind == Kind::dtype) {
    const bool known =
        state.items.size() >= 8 && state.items[1]->is_text_or_bytes() && state.items[1]->text.size() == 1;
    if (!known) fail("a number type's state is not numpy's");
    if (state.items[3]->kind != Kind::none) refuse("an array of records");
    object.byte_order = state.items[1]->text[0];
  } else {
    refuse("an object with a state");
  }
}

}  // namespace gradus
