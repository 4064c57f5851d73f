#include "formats/hdf5_reader.hpp"

#include <iterator>

#include <gradus/error.hpp>

#include "formats/hdf5_file.hpp"

namespace gradus {
namespace {

constexpr std::uint16_t dataspace = 0x01, datatype = 0x03;

/// A dataset, looked at but not read.
struct Dataset {
  Hdf5Messages messages;
  const Hdf5Message* space = nullptr;
  const Hdf5Message* type = nullptr;

  explicit Dataset(Hdf5Messages found) : messages(std::move(found)) {
    for (const Hdf5Message& message : messages) {
      if (message.type == dataspace) space = &message;
      if (message.type == datatype) type = &message;
    }
  }
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;
  [[nodiscard]] bool complete() const { return space != nullptr && type != nullptr; }
  void check() const {
    if (!complete()) throw Error(ErrorCode::bad_data, "is no dataset");
  }
};

}  // namespace

Hdf5Reader::Hdf5Reader(std::span<const std::uint8_t> bytes) : file_(std::make_unique<const File>(bytes)) {}
Hdf5Reader::~Hdf5Reader() = default;
Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;
Hdf5Reader& Hdf5Reader::operator=(Hdf5Reader&&) noexcept = default;

bool Hdf5Reader::has_group(const std::string& path) const {
  return file_->in(path, [&] {
    const auto found = file_->find(path);
    return found.has_value() && !Dataset(file_->messages(*found)).complete();
  });
}

bool Hdf5Reader::has_dataset(const std::string& path) const {
  return file_->in(path, [&] {
    const auto found = file_->find(path);
    return found.has_value() && Dataset(file_->messages(*found)).complete();
  });
}

std::vector<std::string> Hdf5Reader::children(const std::string& group) const {
  return file_->in(group, [&] {
    std::vector<std::string> names;
    for (const auto& [name, header] : file_->members(file_->at(group))) names.push_back(name);
    return names;
  });
}

Shape Hdf5Reader::shape(const std::string& path) const {
  return file_->in(path, [&] {
    const Dataset dataset(file_->messages(file_->at(path)));
    dataset.check();
    return file_->shape(*dataset.space);
  });
}

Tensor Hdf5Reader::read(const std::string& path) const {
  return file_->in(path, [&] {
    const Dataset dataset(file_->messages(file_->at(path)));
    dataset.check();
    const Shape shape = file_->shape(*dataset.space);
    Hdf5Type type = file_->type(*dataset.type);
    if (type.kind == Hdf5Type::Kind::opaque && type.bytes == 2 &&
        file_->text(dataset.messages, "dtype") == "bfloat16") {
      type.kind = Hdf5Type::Kind::number;
      type.number = {.kind = NumberType::Kind::bfloat16, .bytes = 2};
    }
    if (type.kind != Hdf5Type::Kind::number) throw Error(ErrorCode::unsupported, "holds no numbers of a known type");
    // The shape was checked against the file: elements * 8 cannot overflow.
    const auto stored = file_->storage(dataset.messages, static_cast<std::uint64_t>(shape.elements()) * type.bytes);
    Tensor tensor(shape);
    convert_numbers(type.number, stored, tensor.values());
    return tensor;
  });
}

std::int64_t Hdf5Reader::read_whole(const std::string& path) const {
  return file_->in(path, [&] {
    const Dataset dataset(file_->messages(file_->at(path)));
    dataset.check();
    const Hdf5Type type = file_->type(*dataset.type);
    std::optional<std::int64_t> value;
    if (type.kind == Hdf5Type::Kind::number && file_->shape(*dataset.space).elements() == 1) {
      value = whole_number(type.number, file_->storage(dataset.messages, type.bytes));
    }
    if (!value.has_value()) throw Error(ErrorCode::bad_data, "is not one whole number");
    return *value;
  });
}

std::optional<std::string> Hdf5Reader::text_attribute(const std::string& object, const std::string& name) const {
  return file_->in(object, [&] { return file_->text(file_->messages(file_->at(object)), name); });
}

std::optional<std::vector<std::string>> Hdf5Reader::text_list_attribute(const std::string& object,
                                                                        const std::string& name) const {
  return file_->in(object, [&]() -> std::optional<std::vector<std::string>> {
    const Hdf5Messages messages = file_->messages(file_->at(object));
    if (auto whole = file_->texts(messages, name)) return whole;
    std::optional<std::vector<std::string>> all;
    for (std::size_t i = 0;; ++i) {
      auto part = file_->texts(messages, name + std::to_string(i));
      if (!part) return all;
      if (!all) all.emplace();
      all->insert(all->end(), std::make_move_iterator(part->begin()), std::make_move_iterator(part->end()));
    }
  });
}

}  // namespace gradus
