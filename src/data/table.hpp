#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gradus/dataset.hpp>
#include <gradus/tensor.hpp>

#include "data/csv_text.hpp"

namespace gradus {

/// What becomes of a column of a table.
enum class ColumnRole : std::uint8_t {
  number,   ///< one number a row
  words,    ///< one number for each known word: 1 for the row's, 0 for the others
  classes,  ///< the label: a class
  target,   ///< the label: a number to predict
  ignored,
  weight,  ///< how much the row counts in training and evaluation
};

struct ColumnSchema {
  std::string name;
  ColumnRole role = ColumnRole::number;
  /// The words of a column of words in the order of their numbers; the class names in the order of the labels.
  std::vector<std::string> categories{};
  /// What stands for a missing number; for a missing word its place in `categories`, -1 for none. Empty: an error.
  std::optional<double> fill{};

  friend bool operator==(const ColumnSchema&, const ColumnSchema&) = default;
};

/// How rows of a table become numbers: found out once from the training rows, then applied to any. All of it is data,
/// so that a model file can hold it.
struct TableSchema {
  std::vector<ColumnSchema> columns;  ///< all columns of the file in their order, the label among them
  bool header = false;                ///< the names are the file's own: columns are then found by name
  bool drop_missing = false;          ///< rows with a missing value are left out of training
  bool bytes = false;                 ///< all features were whole numbers from 0 to 255
  bool image = false;                 ///< 784 of them: (28, 28, 1)

  /// Index into `columns`, which has exactly one label.
  [[nodiscard]] std::size_t label() const;
  /// Index of the column of weights; nothing when all rows count alike.
  [[nodiscard]] std::optional<std::size_t> weight() const;
  /// How many numbers a row gives.
  [[nodiscard]] std::int64_t width() const;
  [[nodiscard]] Shape sample_shape() const;
  /// A name for each of these numbers: "age", "colour=red"; empty for images.
  [[nodiscard]] std::vector<std::string> feature_names() const;

  friend bool operator==(const TableSchema&, const TableSchema&) = default;
};

/// Finds out from all rows what each column is. Throws as `datasets::csv` says.
TableSchema infer_schema(const CsvText& text, const datasets::CsvOptions& options);

/// The same schema with the weights in the column of this name: for rows that are weighted in another way than those
/// that were trained on. Throws `invalid_argument` when the column is the label or an input, or when the schema goes by
/// places and has no such column.
TableSchema with_weight(TableSchema schema, const std::string& column);
/// The same schema with the label in the column of this name, likewise.
TableSchema with_label(TableSchema schema, const std::string& column);

/// Rows as numbers.
struct EncodedRows {
  std::int64_t rows = 0;
  bool is_bytes = false;  ///< the features are in `bytes`, else in `reals`
  std::vector<std::uint8_t> bytes;
  std::vector<Real> reals;
  std::shared_ptr<const MappedFile> file;  ///< when set, they lie here instead
  std::vector<std::int32_t> labels;        ///< of a schema with classes
  std::vector<Real> targets;               ///< of a schema with a target
  std::vector<Real> weights;               ///< of a schema with weights, when the text has them
  std::vector<std::int64_t> lines;         ///< where each row stood
};

/// Applies a schema. With `labelled` false the columns of the label and of the weights may be absent and are not looked
/// at, no row is dropped, and `labels`, `targets` and `weights` stay empty. A text with a header is matched by the
/// columns' names, in any order; one without by position. Throws `bad_data` for a word or a class that the schema does
/// not know, naming the nearest it does.
///
/// With `remarks` the rows are further ones, for a model that is there already: a word that the schema does not know
/// counts as none of its words (all its numbers are 0), columns that it does not know are left out, weights may be
/// absent, and `remarks` gets a sentence for each such column.
///
/// With `on_disk` the features go into a temporary file, and memory holds a mebibyte of them.
EncodedRows encode_rows(const TableSchema& schema, const CsvText& text, bool labelled,
                        std::vector<std::string>* remarks = nullptr, bool on_disk = false);

/// The rows of `text` as a set called `name`.
Dataset dataset_from(const std::string& name, const TableSchema& schema, const CsvText& text,
                     std::vector<std::string>* remarks = nullptr, bool on_disk = false);

/// Further rows of a table whose schema is known: the first line is a header when the schema has one and the line names
/// at least half of its inputs.
CsvText text_for(const TableSchema& schema, const std::string& name, const HeldBytes& bytes);
/// The schema's name for the column that `wanted` names in `text`, or counts there from 0, or from the end below 0: by
/// the header where both have one, else by place. Throws `not_found`.
std::string column_called(const TableSchema& schema, const CsvText& text, const std::string& wanted);

/// What further rows say of themselves: columns by name or by their number in the file, from 0. Empty: as in the
/// schema.
struct NamedColumns {
  std::string label{}, weight{};
};
/// Further labelled rows from a file, as `encode_rows` with remarks. Throws `not_found` for a named column that the
/// file does not have, and as with_weight and with_label do.
Dataset read_table(const std::string& path, const TableSchema& schema, std::vector<std::string>& remarks,
                   const NamedColumns& named = {}, bool on_disk = false);

/// What names a class in `categories`: numbers lose leading zeros and a fraction of zero, so that 7, 07 and 7.0 agree.
std::string class_key(const CsvField& field);

}  // namespace gradus
