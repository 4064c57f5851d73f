#include "learnt.hpp"

#include "base/text.hpp"

namespace gradus::app {

namespace {

LearntFrom most_learnt(std::span<const Sequential> models, const Dataset& data) {
  LearntFrom most;
  for (const Sequential& model : models) {
    const LearntFrom found = model.learnt_from(data);
    if (!found.recorded) return found;  // what one has learnt from, all may have
    if (!most.recorded || found.estimate().value_or(0) > most.estimate().value_or(0)) most = found;
  }
  return most;
}

const void* first_of(const Dataset& data) {
  const TensorView inputs = data.inputs();
  return inputs.dtype() == DType::uint8 ? static_cast<const void*>(inputs.bytes().data()) : inputs.reals().data();
}

}  // namespace

Learnt::Learnt(std::span<const Sequential> models, const Dataset& data, const DataPart& part)
    : found_(most_learnt(models, data)), kept_(part.kept && part.name == "test" && models.size() == 1) {}

Learnt::Learnt(const Sequential& model, const Dataset& data, const DataPart& part)
    : Learnt(std::span(&model, 1), data, part) {}

std::string Learnt::text() const {
  const bool one = found_.samples == 1;
  if (!found_.recorded) return ", and the model file does not say which samples it learnt from";
  const std::optional<std::int64_t> learnt = found_.estimate();
  if (!learnt) return ", too few to tell whether they were learnt from";
  const std::string how = kept_ ? " equal to samples learnt from" : " learnt from";
  if (found_.known == 0) {
    // A part of the samples stands for all of them where it is large.
    constexpr std::int64_t many = 100;
    if (one) return ", not learnt from";
    if (found_.exact() || found_.compared >= many) return ", none of them learnt from";
    return ", none of the " + with_commas(found_.compared) + " that could be compared learnt from";
  }
  if (found_.known == found_.compared) return (one ? "," : ", all of them") + how;
  return ", " + std::string(found_.exact() ? "" : "about ") + with_commas(*learnt) + " of them" + how;
}

void Learnt::add_to(Value::Object& object) const {
  const std::optional<std::int64_t> learnt = found_.estimate();
  object.emplace_back("learnt_from", learnt ? Value(!kept_ && found_.known > 0) : Value());
  object.emplace_back("samples_learnt_from", learnt ? Value(*learnt) : Value());
}

bool validates_on_test(const Recipe::Parts& parts) {
  return !parts.validation.empty() && !parts.test.empty() && parts.validation.size() == parts.test.size() &&
         first_of(parts.validation) == first_of(parts.test);
}

void count_validation(Sequential& model, const Recipe::Parts& parts) {
  if (!parts.validation.empty() && !validates_on_test(parts)) model.count_as_learnt(parts.validation);
}

}  // namespace gradus::app
