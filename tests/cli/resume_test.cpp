// Runs that are killed, interrupted, left without room or fought over, and resumed.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "base/philox.hpp"
#include "cli/program.hpp"
#include "support/read_only.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

/// A run with state of every kind: dropout, augmentation, momentum, averaged weights, early stopping with the best
/// weights, a rate that falls, a table.
std::vector<std::string> words(const std::vector<std::string>& more) {
  static const bool drops = contains(run(gradus({"train", "--help"})).out, "\n  Dropout ");
  std::vector<std::string> all{
      "train",
      "digits:120",
      "--layers",
      std::string("rescaling 1/255, flatten, dense 8 relu, ") + (drops ? "dropout 0.2, " : "") + "dense 10 softmax",
      "--optimizer",
      "sgd 0.05 momentum=0.9 use_ema ema_momentum=0.9",
      "--augment",
      "shift 1",
      "--epochs",
      "6",
      "--batch-size",
      "16",
      "--seed",
      "3",
      "--save",
      "m.keras",
      "--json",
      "--early-stopping",
      "2 min_delta=0.05 restore_best_weights",
      "--reduce-lr-on-plateau",
      "1 factor=0.5 min_delta=0.2",
      "--csv-log",
      "log.csv"};
  all.insert(all.end(), more.begin(), more.end());
  return gradus(std::move(all));
}

bool has_checkpoint(const std::string& directory) {
  if (!fs::exists(directory)) return false;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ".keras") return true;
  }
  return false;
}

bool was_in_a_write(const std::string& directory) {
  if (!fs::exists(directory)) return false;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().string().find(".tmp-") != std::string::npos) return true;
  }
  return false;
}

/// What must not depend on how often a run was killed.
std::string outcome(const Finished& finished, const TemporaryDirectory& directory) {
  const Value result = json_of(finished);
  return text(at(result, "weights_sha256")) + write_json(at(result, "history")) + write_json(at(result, "test")) +
         read_all(directory / "log.csv");
}

TEST(Resume, EndsWithTheSameBitsAfter200KillsAtRandomMoments) {
  // Under sanitizers a run takes many times as long.
  const int all_kills = std::string(GRADUS_SANITIZED).empty() ? 200 : 40;
  std::string expected;
  double seconds = 0;
  {
    const TemporaryDirectory directory;
    const Finished plain = run(words({}), in(directory));
    ASSERT_EQ(plain.status, 0) << plain.err;
    expected = outcome(plain, directory);
    const Finished kept = run(words({"--checkpoint", "run", "--every", "2", "steps"}), in(directory));
    ASSERT_EQ(kept.status, 0) << kept.err;
    EXPECT_EQ(outcome(kept, directory), expected);
    seconds = kept.seconds;
  }
  Philox random(11, 0);
  int kills = 0, in_writes = 0, resumed_runs = 0, whole_runs = 0;
  while (kills < all_kills) {
    const TemporaryDirectory directory;
    const std::string kept = directory / "run";
    bool resumed = false;
    for (;;) {
      const bool resumes = has_checkpoint(kept);
      const std::string threads = std::to_string(1 + random.below(3));
      Process process(resumes ? gradus({"train", "--resume", "run", "--threads", threads})
                              : words({"--checkpoint", "run", "--every", "2", "steps", "--keep", "2"}),
                      in(directory));
      resumed = resumed || resumes;
      if (kills < all_kills) {
        std::this_thread::sleep_for(std::chrono::duration<double>(random.uniform() * 1.1 * seconds));
        process.send(SIGKILL);
      }
      const Finished finished = process.finish();
      if (finished.signal == SIGKILL) {
        ++kills;
        in_writes += was_in_a_write(kept) ? 1 : 0;
        continue;
      }
      ASSERT_EQ(finished.status, 0) << finished.err;
      ASSERT_EQ(outcome(finished, directory), expected) << finished.err;
      ++whole_runs;
      resumed_runs += resumed ? 1 : 0;
      break;
    }
  }
  EXPECT_GE(resumed_runs, 1) << "of " << whole_runs << " runs";
  std::printf("%d kills, %d of them within a write; %d runs, %d of them resumed\n", kills, in_writes, whole_runs,
              resumed_runs);
}

TEST(Resume, GoesOnAfterCtrlC) {
  const TemporaryDirectory directory;
  const std::vector<std::string> start{"train",        "digits:200",
                                       "--layers",     "dense 8 relu, dense 10 softmax",
                                       "--epochs",     "2000",
                                       "--save",       "m.keras",
                                       "--json",       "--early-stopping",
                                       "2000",         "--checkpoint",
                                       "run",          "--every",
                                       "1000000 steps"};
  Process process(gradus(start), in(directory));
  ASSERT_TRUE(process.wait_for("epoch    1/2000"));
  process.send(SIGINT);
  const Finished stopped = process.finish();
  EXPECT_EQ(stopped.status, 130) << stopped.err;
  EXPECT_TRUE(contains(stopped.err, "--resume run")) << stopped.err;
  EXPECT_EQ(at(json_of(stopped), "interrupted"), Value(true));
  // From another directory, and not as far as it was meant to go.
  const std::string epochs = std::to_string(static_cast<int>(number(at(json_of(stopped), "epochs"))) + 5);
  const TemporaryDirectory elsewhere;
  const Finished resumed = run(gradus({"train", "--resume", directory / "run", "--epochs", epochs}), in(elsewhere));
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  const TemporaryDirectory other;
  const Finished whole = run(gradus({"train", "digits:200", "--layers", "dense 8 relu, dense 10 softmax", "--epochs",
                                     epochs, "--save", "m.keras", "--json"}),
                             in(other));
  EXPECT_EQ(text(at(json_of(resumed), "weights_sha256")), text(at(json_of(whole), "weights_sha256")));
  EXPECT_EQ(write_json(at(json_of(resumed), "history")), write_json(at(json_of(whole), "history")));
  EXPECT_TRUE(fs::exists(directory / "m.keras"));
}

TEST(Resume, IsRefusedWhileAnotherRunIsAtWork) {
  const TemporaryDirectory directory;
  Process process(gradus({"train", "moons:200", "--epochs", "1000000", "--checkpoint", "run"}), in(directory));
  ASSERT_TRUE(process.wait_for("epoch       1/"));
  expect_refusal(run(gradus({"train", "--resume", "run"}), in(directory)), 1, "another run is at work");
  expect_refusal(run(gradus({"train", "moons", "--checkpoint", "run"}), in(directory)), 1, "another run is at work");
}

TEST(Resume, SaysWhatIsWrongWithTheDirectory) {
  const TemporaryDirectory directory;
  const std::vector<std::string> quick{"train", "moons:100", "--epochs", "2", "--checkpoint", "run"};
  ASSERT_EQ(run(gradus(quick), in(directory)).status, 0);
  expect_refusal(run(gradus(quick), in(directory)), 2, "holds the checkpoints of a run");
  expect_refusal(run(gradus({"train", "--resume", "nothing"}), in(directory)), 3, "no checkpoint to resume");
  expect_refusal(run(gradus({"train", "moons", "--checkpoint", "/proc/no/such"}), in(directory)), 1,
                 "checkpoints cannot be written there");
  expect_refusal(run(gradus({"train", "moons", "--every", "5 years", "--checkpoint", "x"}), in(directory)), 2,
                 "--every");
  expect_refusal(run(gradus({"train", "moons", "--keep", "2"}), in(directory)), 2, "--checkpoint");
  for (const auto& entry : fs::directory_iterator(directory / "run")) {
    if (entry.path().extension() == ".keras") fs::resize_file(entry.path(), 100);
  }
  expect_refusal(run(gradus({"train", "--resume", "run"}), in(directory)), 3, "no checkpoint is whole");
}

TEST(Resume, UsesTheCheckpointBeforeADamagedOne) {
  const TemporaryDirectory directory;
  const Finished whole =
      run(gradus({"train", "moons:100", "--epochs", "4", "--json", "--checkpoint", "run"}), in(directory));
  ASSERT_EQ(whole.status, 0) << whole.err;
  std::string newest;
  for (const auto& entry : fs::directory_iterator(directory / "run")) newest = std::max(newest, entry.path().string());
  fs::resize_file(newest, fs::file_size(newest) - 200);
  const Finished resumed = run(gradus({"train", "--resume", "run"}), in(directory));
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_TRUE(contains(resumed.err, "damaged")) << resumed.err;
  EXPECT_EQ(text(at(json_of(resumed), "weights_sha256")), text(at(json_of(whole), "weights_sha256")));
}

TEST(Resume, KeepsTheRecipeAsItWas) {
  const TemporaryDirectory directory;
  const std::string recipe =
      "[data]\nsource = \"moons:100\"\n[model]\nlayers = [\"dense 5 relu\", \"dense 2 softmax\"]\n"
      "[fit]\nepochs = 3\nschedule = \"cosine warmup_steps=1epoch\"\n"
      "callbacks = [\"early_stopping 9 monitor=loss\", {class = \"CSVLogger\", filename = \"r.csv\"}]\n";
  directory.write("mine.toml", recipe);
  const Finished whole = run(gradus({"train", "mine.toml", "--json", "--checkpoint", "run"}), in(directory));
  ASSERT_EQ(whole.status, 0) << whole.err;
  directory.write("mine.toml", "broken");
  const Finished resumed = run(gradus({"train", "--resume", "run"}), in(directory));
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(text(at(json_of(resumed), "weights_sha256")), text(at(json_of(whole), "weights_sha256")));
  EXPECT_EQ(read_all(directory / "r.csv").substr(0, 6), "epoch,");
}

// The limit lets the model through, but not a checkpoint that holds the best weights as well.
TEST(Resume, TrainsOnWhereThereIsNoRoomForACheckpoint) {
  const TemporaryDirectory directory;
  const std::vector<std::string> start{
      "train",   "digits:120", "--layers",         "dense 64 relu, dense 10 softmax", "--epochs",     "4",  "--save",
      "m.keras", "--json",     "--early-stopping", "9 restore_best_weights",          "--checkpoint", "run"};
  const Finished free = run(gradus(start), in(directory));
  ASSERT_EQ(free.status, 0) << free.err;
  const auto model = fs::file_size(directory / "m.keras");
  std::uintmax_t checkpoint = 0;
  for (const auto& entry : fs::directory_iterator(directory / "run")) {
    if (entry.path().extension() == ".keras") checkpoint = std::max(checkpoint, entry.file_size());
  }
  ASSERT_GT(checkpoint, model + 4096);
  fs::remove_all(directory / "run");
  std::string command = "trap '' XFSZ; ulimit -f " + std::to_string((model + checkpoint) / 2 / 512) + "; exec";
  for (const std::string& word : gradus(start)) command += " '" + word + "'";
  const Finished full = run({"/bin/dash", "-c", command}, in(directory));
  ASSERT_EQ(full.status, 0) << full.err;
  EXPECT_TRUE(contains(full.err, "could not be written")) << full.err;
  EXPECT_EQ(text(at(json_of(full), "weights_sha256")), text(at(json_of(free), "weights_sha256")));
  EXPECT_TRUE(fs::exists(directory / "run/step-000000000000.keras")) << "the last good one stays";
  EXPECT_FALSE(was_in_a_write(directory / "run"));
  const Finished resumed = run(gradus({"train", "--resume", "run"}), in(directory));
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(text(at(json_of(resumed), "weights_sha256")), text(at(json_of(free), "weights_sha256")));
}

// Without a trap for SIGXFSZ: the limit ends no run, and what is to be saved after each epoch may fail.
TEST(Resume, TrainsOnWhereThereIsNoRoomForEachModel) {
  const TemporaryDirectory directory;
  const std::vector<std::string> start{"train",    "digits:120", "--layers",    "dense 64 relu, dense 10 softmax",
                                       "--epochs", "3",          "--save-each", "e-{epoch}.keras",
                                       "--save",   "m.keras"};
  std::string command = "ulimit -f 8; exec";
  for (const std::string& word : gradus(start)) command += " '" + word + "'";
  const Finished full = run({"/bin/dash", "-c", command}, in(directory));
  EXPECT_EQ(full.signal, 0) << full.err;
  EXPECT_TRUE(contains(full.err, "A file could not be written, and training goes on without: ")) << full.err;
  EXPECT_TRUE(contains(full.err, "m.keras")) << full.err;
  EXPECT_FALSE(was_in_a_write(directory.path().string()));
}

TEST(Resume, LeavesTheModelAloneWhenItIsRefused) {
  const TemporaryDirectory directory;
  const std::vector<std::string> start{"train",  "moons:200", "--epochs",     "3",
                                       "--save", "m.keras",   "--checkpoint", "run"};
  ASSERT_EQ(run(gradus(start), in(directory)).status, 0);
  ASSERT_EQ(run(gradus({"train", "moons:200", "--epochs", "1", "--save", "kept.keras"}), in(directory)).status, 0);
  const std::string kept = read_all(directory / "kept.keras");
  const Finished refused =
      run(gradus({"train", "--resume", "run", "--batch-size", "7", "--save", "kept.keras"}), in(directory));
  EXPECT_NE(refused.status, 0) << refused.err;
  EXPECT_EQ(read_all(directory / "kept.keras"), kept) << refused.err;
}

TEST(Resume, SavesOnEverySignalThatEndsASession) {
  for (const int signal : {SIGTERM, SIGHUP, SIGPIPE}) {
    const TemporaryDirectory directory;
    Process training(gradus({"train", "digits:2000", "--epochs", "100000", "--save", "m.keras"}), in(directory));
    ASSERT_TRUE(training.wait_for("epoch"));
    training.send(signal);
    const Finished finished = training.finish();
    EXPECT_EQ(finished.status, 130) << signal << finished.err;
    EXPECT_TRUE(contains(finished.err, "the weights so far are saved in m.keras")) << finished.err;
    EXPECT_TRUE(fs::exists(directory / "m.keras"));
  }
}

TEST(Resume, SaysThatTheDirectoryIsReadOnly) {
  const TemporaryDirectory directory;
  ASSERT_EQ(run(gradus({"train", "moons:100", "--epochs", "2", "--checkpoint", "run"}), in(directory)).status, 0);
  fs::create_directory(directory / "shelf");
  fs::copy(directory / "moons.keras", directory / "shelf/m.keras");
  const std::string model = read_all(directory / "shelf/m.keras");
  GRADUS_READ_ONLY_OR_SKIP(run_read_only, directory / "run");
  GRADUS_READ_ONLY_OR_SKIP(shelf_read_only, directory / "shelf");
  const std::string why = ReadOnly::refusal();
  expect_refusal(run(gradus({"train", "--resume", "run"}), in(directory)), 1, why);
  expect_refusal(run(gradus({"train", "moons", "--checkpoint", "shelf"}), in(directory)), 1, why);
  expect_refusal(run(gradus({"train", "moons", "--save", "shelf/m.keras"}), in(directory)), 1, why);
  expect_refusal(run(gradus({"convert", "moons.keras", "shelf/m.onnx"}), in(directory)), 1, why);
  EXPECT_EQ(run(gradus({"inspect", "shelf/m.keras"}), in(directory)).status, 0);
  EXPECT_EQ(read_all(directory / "shelf/m.keras"), model);
  EXPECT_FALSE(fs::exists(directory / "shelf/m.onnx"));
}

// Hours of training are not to end with nothing because the place for the model went away meanwhile.
TEST(Resume, SavesTheModelElsewhereWhenItsPlaceIsGone) {
  const TemporaryDirectory directory, spare;
  fs::create_directory(directory / "shelf");
  RunOptions options = in(directory);
  options.variables["TMPDIR"] = spare.path().string();
  Process training(gradus({"train", "digits:10000", "--epochs", "6", "--seed", "1", "--save", "shelf/m.keras",
                           "--csv-log", "log.csv"}),
                   options);
  ASSERT_TRUE(training.wait_for("Training on"));
  fs::remove_all(directory / "shelf");
  const Finished finished = training.finish();
  EXPECT_EQ(finished.status, 1) << finished.err;
  EXPECT_TRUE(contains(finished.err, "shelf/m.keras")) << finished.err;
  std::vector<std::string> saved;
  for (const auto& entry : fs::directory_iterator(spare.path())) saved.push_back(entry.path().string());
  ASSERT_EQ(saved.size(), 1U);
  EXPECT_TRUE(contains(finished.err, saved[0])) << finished.err;
  EXPECT_EQ(run(gradus({"inspect", saved[0]}), in(directory)).status, 0);
}

TEST(FindLr, ShowsACurveAndAProposal) {
  const TemporaryDirectory directory;
  const Finished shown = run(gradus({"train", "moons:400", "--find-lr"}), in(directory));
  ASSERT_EQ(shown.status, 0) << shown.err;
  EXPECT_TRUE(contains(shown.out, "Proposal: --learning-rate ")) << shown.out;
  EXPECT_TRUE(contains(shown.out, "*")) << shown.out;
  EXPECT_FALSE(fs::exists(directory / "moons.keras"));
  const Value result = json_of(run(gradus({"train", "moons:400", "--find-lr", "--json"}), in(directory)));
  EXPECT_GT(number(at(result, "proposal")), 1e-5);
  EXPECT_EQ(list(at(result, "rates")).size(), list(at(result, "smoothed")).size());
}

}  // namespace
}  // namespace gradus::test
