#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gradus/tensor.hpp>

namespace gradus {

struct TableSchema;
class MappedFile;

/// Samples with what they should give: images or table rows with class labels, or rows with number targets.
///
/// Pixels stay bytes (0 to 255) until a batch is made. A Dataset is a handle: copies and slices share the samples and
/// are cheap; nothing changes samples once they are in.
class Dataset {
 public:
  Dataset() = default;

  /// Classified samples. `inputs` has one row a sample; `labels[i]` is the class of row i, 0 <= label < classes.
  /// Throws `bad_data` naming the first row whose label is out of range, or both counts when they differ, and
  /// `invalid_argument` for an empty sample shape or `classes` below 1.
  static Dataset classified(std::string name, Shape sample_shape, std::vector<std::uint8_t> inputs,
                            std::vector<std::int32_t> labels, std::int32_t classes);
  static Dataset classified(std::string name, Shape sample_shape, std::vector<Real> inputs,
                            std::vector<std::int32_t> labels, std::int32_t classes);
  /// Samples with `target_width` numbers each as targets, row-major.
  static Dataset with_targets(std::string name, Shape sample_shape, std::vector<Real> inputs, std::vector<Real> targets,
                              std::int64_t target_width);

  /// Samples that stay on the disk: they lie in `file` from byte `offset` on, one after another as in memory, bytes or
  /// Reals on a boundary of 4. What is classified has `labels`, of classes 0 to classes - 1; else `targets` holds
  /// `target_width` numbers a sample. Training visits such a set in blocks (see FitOptions::shuffle), so that memory
  /// stays bounded: 4 bytes a sample for its label, 4 for the order of the samples, and some 64 MB. Throws as
  /// `classified` and `with_targets` do.
  static Dataset on_disk(std::string name, Shape sample_shape, DType dtype, std::shared_ptr<const MappedFile> file,
                         std::uint64_t offset, std::vector<std::int32_t> labels, std::int32_t classes);
  static Dataset on_disk(std::string name, Shape sample_shape, DType dtype, std::shared_ptr<const MappedFile> file,
                         std::uint64_t offset, std::vector<Real> targets, std::int64_t target_width);
  [[nodiscard]] bool is_on_disk() const;
  /// For a set on disk, and nothing for others: prefetch lets the system begin to read samples `begin` to `end`;
  /// release gives back the memory that the file takes until its samples are looked at again, and throws `bad_data`
  /// when the file was changed or cut off since the set was made.
  void prefetch(std::int64_t begin, std::int64_t end) const;
  void release() const;
  /// For a set on disk: throws `bad_data` when the file was changed or cut off since the set was made.
  void check_unchanged() const;

  /// What the set is called in messages: "mnist", "houses.csv".
  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Shape of one sample, without the axis that counts samples: (28, 28, 1) for MNIST.
  [[nodiscard]] const Shape& sample_shape() const;
  /// All samples, (size, ...sample_shape). Valid as long as any handle to this set lives.
  [[nodiscard]] TensorView inputs() const;
  /// The same as `inputs()`.
  [[nodiscard]] TensorView images() const { return inputs(); }

  [[nodiscard]] bool is_classified() const;
  /// One label a sample; empty when the targets are numbers.
  [[nodiscard]] std::span<const std::int32_t> labels() const;
  /// Numbers a sample should give, (size, target_width); empty when classified.
  [[nodiscard]] TensorView targets() const;
  /// The number of classes, or the width of the targets.
  [[nodiscard]] std::int64_t target_width() const;

  /// Names of the classes in the order of their labels; "0", "1", ... unless set. Never empty when classified.
  [[nodiscard]] const std::vector<std::string>& class_names() const;
  /// Names of the columns of table rows, after one-hot encoding; empty for images.
  [[nodiscard]] const std::vector<std::string>& column_names() const;
  /// Throws `invalid_argument` unless the set is classified and there is one name for each class.
  [[nodiscard]] Dataset with_class_names(std::vector<std::string> names) const;
  /// Throws `invalid_argument` unless there is one name for each number of a sample, or none at all.
  [[nodiscard]] Dataset with_column_names(std::vector<std::string> names) const;
  [[nodiscard]] Dataset with_name(std::string name) const;
  /// How the rows of a table became numbers, so that further rows can be read the same way; null for all others.
  [[nodiscard]] std::shared_ptr<const TableSchema> table() const;
  [[nodiscard]] Dataset with_table(std::shared_ptr<const TableSchema> table) const;
  /// How images were brought to their size, so that further ones are treated likewise: "resized" for pictures from a
  /// folder; empty where nothing was done.
  [[nodiscard]] const std::string& preparation() const;
  [[nodiscard]] Dataset with_preparation(std::string preparation) const;
  /// What each sample is called, one name a sample: of pictures from a folder their files' paths. Empty for others.
  [[nodiscard]] std::span<const std::string> sample_names() const;
  /// Throws `invalid_argument` unless there is one name for each sample, or none at all.
  [[nodiscard]] Dataset with_sample_names(std::vector<std::string> names) const;

  /// What a one-hot target is made of: `on` at the label, `off` elsewhere. Default 1 and 0; 0.99 and 0.01 keep a
  /// sigmoid away from its flat ends.
  struct OneHot {
    double on = 1.0;
    double off = 0.0;
    friend bool operator==(const OneHot&, const OneHot&) = default;
  };
  [[nodiscard]] OneHot one_hot() const noexcept { return one_hot_; }
  [[nodiscard]] Dataset with_one_hot(OneHot values) const;

  /// The same set with other numbers in its samples: as many bytes or reals as it has, the other vector empty. Throws
  /// `bad_data` otherwise.
  [[nodiscard]] Dataset with_inputs(std::vector<std::uint8_t> bytes, std::vector<Real> reals) const;
  /// How much each sample counts, one number a sample; empty unless set. The loss of fit and evaluate is
  /// sum(weight * loss) / samples, as Keras has it; weights of mean 1 keep its scale. Metrics take no notice unless
  /// they are weighted_metrics.
  [[nodiscard]] std::span<const Real> sample_weights() const;
  /// Throws `invalid_argument` unless there is one finite number of 0 or more a sample. None: every sample counts 1.
  [[nodiscard]] Dataset with_sample_weights(std::vector<Real> weights) const;

  /// Samples `begin` to `end` (not included), sharing memory. Throws `invalid_argument` outside the set.
  [[nodiscard]] Dataset slice(std::int64_t begin, std::int64_t end) const;
  [[nodiscard]] Dataset first(std::int64_t count) const { return slice(0, count); }
  /// The named samples in the named order, copied into memory. Throws `invalid_argument` for an index outside the set.
  [[nodiscard]] Dataset subset(std::span<const std::int64_t> indices) const;
  /// Cuts off a random part: {the rest, `fraction` of the samples, rounded down}, each in the original order.
  /// The same seed gives the same parts. `stratified` keeps each class's share (needs labels).
  /// Of a set on disk the part is its last samples, and nothing is copied.
  /// Throws `invalid_argument` unless 0 < fraction < 1.
  [[nodiscard]] std::pair<Dataset, Dataset> split(double fraction, std::uint64_t seed = 0,
                                                  bool stratified = false) const;

 private:
  struct Storage;
  static Dataset owning(Storage storage, std::int64_t size);
  static Dataset owning_classified(Storage storage, std::int64_t size, std::int32_t classes);
  [[nodiscard]] const Storage& storage() const;
  [[nodiscard]] Dataset with(Storage storage) const;

  std::shared_ptr<const Storage> storage_;
  std::int64_t begin_ = 0;
  std::int64_t size_ = 0;
  OneHot one_hot_;
};

/// A training and a test part, as the well-known sets come. `const auto [train, test] = datasets::mnist();`
struct TrainTest {
  Dataset train;
  Dataset test;
};

/// Data sets by name or file. Every function throws `Error`: `not_found` when nothing is there, `bad_data` with file
/// and line or offset when a file is broken, `io` when the system or the network fails.
namespace datasets {

/// Where files are looked for, in this order: `GRADUS_DATA_DIR` (several directories may be joined by ':'), then
/// `$XDG_CACHE_HOME/gradus/NAME` (`~/.cache/gradus/NAME`); else they are downloaded into the latter.
struct FetchOptions {
  bool download = true;   ///< false: throw `not_found` rather than ask the network.
  bool progress = false;  ///< draw a progress bar on stderr while downloading, if stderr is a terminal.
};

/// Handwritten digits: 60,000 and 10,000 grey images, (28, 28, 1) bytes, 10 classes. LeCun, Cortes, Burges.
///
/// `GRADUS_MIRRORS`, when set, replaces the places to download from: URLs with a space between, each ending just
/// before the file's name. What was downloaded is used only when its checksum is right.
TrainTest mnist(const FetchOptions& options = {});
/// Photographs of clothes in MNIST's format. Xiao, Rasul, Vollgraf 2017.
TrainTest fashion_mnist(const FetchOptions& options = {});
/// Cursive Japanese characters in MNIST's format. Clanuwat et al. 2018.
TrainTest kmnist(const FetchOptions& options = {});

/// Digits drawn by code: no file needed. `count` images (28, 28, 1), labels evenly spread; the same seed gives the
/// same images, and image i of a seed is the same in a set of any size. Meant to stand in for MNIST where that cannot
/// be had. Throws `invalid_argument` unless 0 < count <= 10,000,000.
Dataset digits(std::int64_t count, std::uint64_t seed = 0);

/// An IDX pair, gzipped or not: unsigned bytes, as many labels as images. Images of rank 3 get a channel axis: (28,
/// 28, 1). The classes are 0 to the greatest label.
Dataset idx(const std::string& images_path, const std::string& labels_path);

/// How a table is read. Columns are named, or counted from 0; "-1" is the last. docs/tables.md tells what is found out
/// where nothing is said.
struct CsvOptions {
  std::optional<bool> header{};  ///< the first line names the columns. Default: found out from the first lines.
  std::string label{};           ///< column that holds the label or target: a name or an index. Default: with a header
                                 ///< the column called label, class or target, if there is just one, else the last;
                                 ///< without one the last, unless the first looks more like a class, as in tables of
                                 ///< pixels.
  std::string missing = "auto";  ///< what an empty field, or NA, N/A, #N/A, <NA>, NaN, null, None, -, ? becomes.
                                 ///< "auto": the mean of its column, and where more than 5 % are missing one more
                                 ///< input that says so; of words an input of its own; rows without a label are left
                                 ///< out. "mean" (of its column; of words the most frequent), "zero" (of words: none),
                                 ///< "drop" (the row), "error". A missing label is an error but with auto and drop.
  char separator = 0;            ///< default: found out among comma, semicolon, tab and |.
  char decimal = 0;              ///< '.' or ','. Default: found out for each column.
  std::optional<bool> regression{};        ///< the label column is a number to predict. Default: true when it holds
                                           ///< fractions, or whole numbers that are many for so few rows.
  std::int32_t classes = 0;                ///< labels are 0 to classes-1. Default: found out.
  std::vector<std::string> categorical{};  ///< columns whose numbers are words: 10115 is a place, not an amount.
  std::vector<std::string> numeric{};      ///< columns of numbers; what is not a number there counts as missing.
  std::vector<std::string> date{};         ///< columns of dates or times; what is neither counts as missing.
  std::vector<std::string> ignore{};       ///< columns to leave out.
  std::int64_t text_as_words = 100;        ///< of a column of text at most so many words become inputs, the most
                                           ///< frequent; 0: columns of text are left out.
  std::string weight{};                    ///< column that says how much each row counts, a number of 0 or more (see
                                           ///< Dataset::sample_weights); it is no input. Default: all rows count 1.
  /// The share of the rows that will be cut off to test on, by `split(test_split, test_seed, is_classified())`, where
  /// there are at least `test_split_from` rows. Means, words and ranges of the columns are then learnt from the others.
  double test_split = 0;
  std::uint64_t test_seed = 0;
  std::int64_t test_split_from = 0;
  std::function<void(const std::string&)> remark{};  ///< told each guess and each column left out, a sentence each
};
/// A CSV table, gzipped or not, in UTF-8, UTF-16 (with its mark) or Windows-1252. When every feature is a whole number
/// from 0 to 255 the samples stay bytes; 784 such columns make images (28, 28, 1) of at least 10 classes. Columns with
/// words become one column a word (one-hot), the most frequent first; words that are rare share one. Dates become year,
/// month, day, weekday, hour and the days since 1970, as far as they vary. Columns that never vary, that number the
/// rows or name each of them are left out. Whole-number labels from 0 up are classes as they stand; others are numbered
/// in order, and class_names() says which is which. With `on_disk` the text is read where it lies (a gzipped one is
/// unpacked into a temporary file) and the samples go into a temporary file: see Dataset::on_disk. Throws `bad_data` as
/// "file:line: column 'x': ..." for what is wrong, `not_found` with the nearest name for a column that is not there.
Dataset csv(const std::string& path, const CsvOptions& options = {}, bool on_disk = false);

/// How the pictures of a folder become samples.
struct ImageOptions {
  std::int64_t height = 0;       ///< of the samples, in pixels. Default: 64, or that of the first picture if smaller.
  std::int64_t width = 0;        ///< likewise
  std::optional<bool> colour{};  ///< 3 channels or 1. Default: colour if the first picture of any class is in colour.
  bool strict = false;           ///< a picture that cannot be read is an error; else it is left out and named
  std::int64_t threads = 0;      ///< that decode; 0: all cores. The samples do not depend on it.
};
/// Pictures (PNG, JPEG, WebP, BMP, TIFF, GIF) in a folder with a sub-folder for each class; the classes are
/// the sub-folders' names in the order of their letters, samples come in the order of classes and file paths. Folders
/// within a class's folder belong to the class, too. Where the folder holds a `train` and a `test` or `validation`
/// sub-folder instead, these are the parts (also training, testing, val, valid, each also with _set behind it, in any
/// case; of test and validation the former). A file is a picture when it begins as one, whatever its name, or when its
/// name ends as those of pictures do; other files are passed over, hidden ones too. The first frame of a moving picture
/// is taken, EXIF orientation is applied, and what is transparent lies on white (on black, where next to nothing would
/// be seen on white). Pictures are brought to one size: each new pixel is the mean of the old ones around it, weighted
/// by a triangle (what is drawn smaller blurs, nothing is cut off and the aspect may change). With `strict` false a
/// broken picture, or one of a format that is not read, is left out, and `skipped` says which and why. The samples'
/// names are the paths of their files.
/// Throws `not_found` for no folder, `bad_data` where there are no classes, a class without a picture, or a class of
/// the test part that the training part does not have; with `strict` for the first picture that cannot be read.
struct ImageFolder {
  TrainTest parts;
  std::vector<std::string> skipped;  ///< "photos/cat/7.jpg: the file is damaged ...", one for each picture left out
};
ImageFolder image_folder(const std::string& path, const ImageOptions& options = {}, bool on_disk = false);

/// NumPy's arrays. From an .npz file: the arrays x_train, y_train and, if there, x_test, y_test, as in Keras's
/// mnist.npz; or x and y (data or images, and labels or targets or target, likewise). From an .npy file named x.npy,
/// x_train.npy, images.npy, data.npy: y from y.npy, y_train.npy, labels.npy, targets.npy beside it, and of *_train.npy
/// the test part from *_test.npy. Samples stay bytes when they are; images of rank 3 get a channel axis. Whole-number
/// labels, one a sample, are classes; a row of numbers a sample is a one-hot class where every row has a single 1 and
/// zeros, else targets; fractions are targets. `regression` makes targets of whole numbers.
/// Throws `bad_data` naming file, array and row.
TrainTest arrays(const std::string& path, std::optional<bool> regression = {}, bool on_disk = false);

/// Nielsen's mnist.pkl.gz: train 50,000, validation 10,000, test 10,000, written by Python 2 or 3. The file holds
/// pixel/256 as floats; where all of them are exact 256ths, as in the original, the samples are the bytes again, so
/// that they are as those of mnist(). Nothing in the file is executed: what is not a number, an array, a tuple or a
/// list is refused by its name.
struct NielsenSplit {
  Dataset train;
  Dataset validation;
  Dataset test;
};
NielsenSplit nielsen_pickle(const std::string& path);

/// Toy sets in the plane or the corners of a square. Labels alternate (0, 1, ..., 0, 1, ...), the same seed gives the
/// same points, and point i is the same in a set of any size. `noise` and `spread` are standard deviations.
/// Throws `invalid_argument` unless 0 < count <= 100,000,000 and noise >= 0.
Dataset xor_corners();                                                             ///< 4 rows of 0/1, label a XOR b.
Dataset and_corners();                                                             ///< 4 rows of 0/1, label a AND b.
Dataset moons(std::int64_t count, double noise = 0.1, std::uint64_t seed = 0);     ///< two half circles, interlocked
Dataset circles(std::int64_t count, double noise = 0.05, std::uint64_t seed = 0);  ///< radius 1 around radius 1/2
/// One arm a class, from the middle to radius 1, 1.25 turns each.
Dataset spiral(std::int64_t count, std::int32_t classes = 2, double noise = 0.02, std::uint64_t seed = 0);
/// One round cloud a class, with its centre somewhere in [-10, 10]^2.
Dataset blobs(std::int64_t count, std::int32_t classes = 3, double spread = 1.0, std::uint64_t seed = 0);

/// A named source that `load` knows: the registry behind `gradus data list`.
struct SourceInfo {
  std::string name;     ///< "mnist"
  std::string summary;  ///< one line
};
/// All named sources in alphabetical order.
std::vector<SourceInfo> list();

/// All that `load` may be told.
struct LoadOptions {
  FetchOptions fetch{};
  CsvOptions csv{};
  ImageOptions images{};
  /// Leave samples on the disk (see Dataset::on_disk): .npy and .npz files that are not packed, IDX files that are not
  /// packed, folders of pictures and tables (whose samples go into a temporary file). Default: those of more than
  /// 1 GiB; of a table its text counts, of a packed one four times its size.
  std::optional<bool> on_disk{};
  std::function<void(const std::string&)> remark{};  ///< told what was left out, a line at a time
};

/// What `gradus train DATA` means by DATA: a name from `list()`, a folder of pictures, or the path of a .csv, .csv.gz,
/// .tsv, .tsv.gz, .npy, .npz, .pkl or .pkl.gz file or of IDX images (train-images-idx3-ubyte); a relative path that
/// leads nowhere is also tried from the directories of `GRADUS_DATA_DIR`. A number after a colon says how many training
/// samples ("digits:5000", "moons:400", "mnist:1000": the first 1000), one more the seed of what is drawn
/// ("moons:400:7"). "digits" is 60,000 images with 10,000 others to test on, as MNIST has, "digits:N" has N/6. Where a
/// source has no test part of its own, `test` is empty; a validation part joins `train`. An unknown name is `not_found`
/// and names the nearest right one.
TrainTest load(const std::string& name_or_path, const LoadOptions& options);
TrainTest load(const std::string& name_or_path, const FetchOptions& fetch = {}, const CsvOptions& csv = {});

}  // namespace datasets
}  // namespace gradus
