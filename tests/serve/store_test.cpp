#include "serve/store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "model/memory_limit.hpp"
#include "serve/served.hpp"
#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

/// A folder of models: "m" with its versions, y = 2 x + VERSION.
class Store : public ::testing::Test {
 protected:
  TemporaryDirectory directory;
  ServeOptions options;
  Store() {
    options.model_dir = directory.path().string();
    options.poll_seconds = 0;
  }
  void add_version(int version) {
    const fs::path folder = directory.path() / "m" / std::to_string(version);
    fs::create_directories(folder);
    doubling_model(1, static_cast<float>(version)).save((folder / "model.keras").string());
  }
  void add_broken(int version) {
    fs::create_directories(directory.path() / "m" / std::to_string(version));
    std::ofstream(directory.path() / "m" / std::to_string(version) / "model.keras") << "nothing";
  }
};

double ask_for_zero(Served& served, const std::string& path) {
  const Reply reply = served.ask("POST", "/v1/models/" + path + ":predict", R"({"instances": [0]})");
  if (reply.status != 200) return -reply.status;
  const Value answer = reply.json();
  return *(*answer.find("predictions")->get_if<Value::List>())[0].get_if<double>();
}

TEST_F(Store, ServesTheNewestVersionAndThoseWithLabels) {
  for (const int version : {1, 2, 10}) add_version(version);
  directory.write("m/labels.json", R"({"stable": 1})");
  directory.write("m/notes.txt", "not a version");
  Served served(options);
  EXPECT_EQ(ask_for_zero(served, "m"), 10);  // by number, not by text
  EXPECT_EQ(ask_for_zero(served, "m/versions/10"), 10);
  EXPECT_EQ(ask_for_zero(served, "m/labels/stable"), 1);
  EXPECT_EQ(ask_for_zero(served, "m/versions/1"), 1);
  EXPECT_EQ(ask_for_zero(served, "m/versions/2"), -404);
  EXPECT_NE(served.ask("GET", "/v1/models/m").body.find("\"version\": \"1\""), std::string::npos);
}

TEST_F(Store, SwapsVersionsIn) {
  add_version(1);
  Served served(options);
  EXPECT_EQ(ask_for_zero(served, "m"), 1);
  EXPECT_EQ(served.server().reload(), 0);
  add_version(2);
  EXPECT_EQ(ask_for_zero(served, "m"), 1);
  EXPECT_EQ(served.server().reload(), 2);  // one came, one went
  EXPECT_EQ(ask_for_zero(served, "m"), 2);
  EXPECT_EQ(ask_for_zero(served, "m/versions/1"), -404);
  // A file that is replaced under its name.
  doubling_model(1, 7).save(directory / "m/2/model.keras");
  EXPECT_EQ(served.server().reload(), 1);
  EXPECT_EQ(ask_for_zero(served, "m"), 7);
  // A model that comes later, and one that goes.
  doubling_model(1, 5).save(directory / "late.keras");
  EXPECT_EQ(served.server().reload(), 1);
  EXPECT_EQ(ask_for_zero(served, "late"), 5);
  fs::remove(directory / "late.keras");
  EXPECT_EQ(served.server().reload(), 1);
  EXPECT_EQ(ask_for_zero(served, "late"), -404);
}

TEST_F(Store, RefusesWhatIsBrokenAndServesOn) {
  add_version(1);
  Served served(options);
  add_broken(2);
  served.server().reload();
  served.server().reload();
  EXPECT_EQ(ask_for_zero(served, "m"), 1);
  EXPECT_NE(served.said().find("model 'm' version 2 is refused"), std::string::npos) << served.said();
  const std::string metrics = served.ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find("gradus_model_load_failures_total 1\n"), std::string::npos) << metrics;
  const std::string status = served.ask("GET", "/v1/models/m").body;
  EXPECT_NE(status.find("\"state\": \"END\""), std::string::npos) << status;
  EXPECT_NE(status.find("INVALID_ARGUMENT"), std::string::npos);
  // The file that is served gets damaged: what was loaded stays.
  std::ofstream(directory / "m/1/model.keras") << "nothing";
  served.server().reload();
  EXPECT_EQ(ask_for_zero(served, "m"), 1);
  EXPECT_EQ(served.ask("GET", "/healthz").status, 200);
}

// Every file that holds a whole model, whichever its format, and no file of weights alone.
TEST_F(Store, ServesModelsOfEachFormatInAFolder) {
  const Sequential model = doubling_model(1);
  for (const char* name : {"a.keras", "b.h5", "c.hdf5", "d.onnx", "e.safetensors", "F.KERAS"}) {
    model.save(directory / name);
  }
  model.save(directory / "g.weights.h5");
  directory.write("notes.txt", "no model");
  Served served(options);
  for (const char* name : {"a", "b", "c", "d", "e", "F"}) EXPECT_EQ(ask_for_zero(served, name), 1) << name;
  for (const char* name : {"g", "g.weights", "notes"}) EXPECT_EQ(ask_for_zero(served, name), -404) << name;
  EXPECT_EQ(served.said().find("refused"), std::string::npos) << served.said();
  // As a version, too.
  fs::create_directories(directory.path() / "m" / "1");
  model.save(directory / "m/1/model.safetensors");
  served.server().reload();
  EXPECT_EQ(ask_for_zero(served, "m"), 1);
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Whatever lies in the folder: each entry that cannot be served is refused alone and once, and nothing hangs.
TEST_F(Store, RefusesEachEntryAloneAndOnce) {
  add_version(1);
  const auto pipe = [&](const char* name) { ASSERT_EQ(::mkfifo((directory / name).c_str(), 0644), 0) << name; };
  pipe("pipe.keras");
  pipe("no model");
  pipe("m/labels.json");
  fs::create_directories(directory.path() / "m" / "2");
  pipe("m/2/model.keras");
  fs::create_symlink("loop.keras", directory.path() / "loop.keras");
  fs::create_symlink("loop", directory.path() / "loop");
  fs::create_symlink("3", directory.path() / "m" / "3");
  fs::create_symlink("gone.keras", directory.path() / "dangling.keras");
  fs::create_symlink("gone", directory.path() / "dangling");
  fs::create_directories(directory.path() / "m" / "4");  // no file in it
  doubling_model(1, 5).save(directory / "a.h5");
  doubling_model(1, 6).save(directory / "a.keras");
  Served served(options);
  for (int look = 0; look < 3; ++look) EXPECT_EQ(served.server().reload(), 0);
  EXPECT_EQ(ask_for_zero(served, "m"), 1);
  EXPECT_EQ(ask_for_zero(served, "a"), 5);  // the first by name
  const std::string said = served.said();
  for (const char* once : {"/pipe.keras: a named pipe, expected a file", "/m/labels.json: a named pipe",
                           "/m/2/model.keras: a named pipe", "/loop.keras: ", "/loop: ", "/m/3: ",
                           "/dangling.keras: no such file", "/m/4: expected one model file", "/a.h5 and "}) {
    EXPECT_EQ(count_of(said, once), 1u) << once << "\n" << said;
  }
  EXPECT_EQ(said.find("no model"), std::string::npos) << said;
  EXPECT_EQ(said.find("/dangling:"), std::string::npos) << said;
  // What comes beside them is seen, and what was served goes on when another file of its name comes.
  fs::remove(directory.path() / "a.h5");
  served.server().reload();
  EXPECT_EQ(ask_for_zero(served, "a"), 6);
  doubling_model(1, 7).save(directory / "a.h5");
  add_version(5);
  served.server().reload();
  EXPECT_EQ(ask_for_zero(served, "a"), 6);
  EXPECT_EQ(ask_for_zero(served, "m"), 5);
  EXPECT_EQ(count_of(served.said(), "/a.h5 would both be served as 'a'"), 1u) << served.said();
  // The served file itself becomes a pipe: what was loaded serves on.
  fs::remove(directory.path() / "a.keras");
  fs::remove(directory.path() / "a.h5");
  pipe("a.keras");
  served.server().reload();
  EXPECT_EQ(ask_for_zero(served, "a"), 6);
  served.stop();
  ServeOptions listed;
  listed.models = {directory / "pipe.keras"};
  expect_error(ErrorCode::bad_data, {"pipe.keras", "a named pipe"}, [&] { const Server server(listed); });
}

TEST_F(Store, FoldersThatCannotBeReadAreRefusedAlone) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything: run the tests as another user";
  add_version(1);
  fs::create_directories(directory.path() / "lost+found");
  fs::create_directories(directory.path() / "m" / "2");
  fs::permissions(directory.path() / "lost+found", fs::perms::none);
  fs::permissions(directory.path() / "m" / "2", fs::perms::none);
  {
    Served served(options);
    for (int look = 0; look < 3; ++look) served.server().reload();
    EXPECT_EQ(ask_for_zero(served, "m"), 1);
    EXPECT_EQ(count_of(served.said(), "lost+found: "), 1u) << served.said();
    EXPECT_EQ(count_of(served.said(), "version 2 is refused"), 1u) << served.said();
    fs::permissions(directory.path() / "m" / "2", fs::perms::owner_all);
    add_version(2);
    served.server().reload();
    EXPECT_EQ(ask_for_zero(served, "m"), 2);
    // A folder that becomes unreadable: what was loaded from it serves on.
    fs::permissions(directory.path() / "m", fs::perms::none);
    served.server().reload();
    EXPECT_EQ(ask_for_zero(served, "m"), 2);
  }
  for (const char* name : {"m", "m/2", "lost+found"}) fs::permissions(directory.path() / name, fs::perms::owner_all);
}

// A change of permissions alone, or one that keeps size and time of the file, is seen.
TEST_F(Store, LooksAgainAtAFileThatChangedInPlace) {
  add_version(1);
  const fs::path file = directory.path() / "m" / "1" / "model.keras";
  std::ifstream in(file, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  const auto write = [&](const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    fs::last_write_time(file, fs::file_time_type{});
  };
  write(std::string(good.size(), 'x'));
  Served served(options);
  EXPECT_EQ(ask_for_zero(served, "m"), -404);
  EXPECT_EQ(served.server().reload(), 0);
  write(good);
  EXPECT_EQ(served.server().reload(), 1);
  EXPECT_EQ(ask_for_zero(served, "m"), 1);
}

// A few bytes of a file can ask for much memory: what is needed is compared before it is taken.
TEST_F(Store, RefusesModelsThatNeedTooMuchMemory) {
  add_version(1);
  options.max_model_bytes = 20'000;
  Sequential{{1, 1, 1}, {UpSampling2D{.size = {600, 600}}}}.save(directory / "outputs.keras");
  Sequential{{300'000}, {Flatten{}}}.save(directory / "inputs.keras");
  Sequential{{60'000}, {Dense{.units = 1}}}.save(directory / "weights.keras");  // its file has them, too
  Served served(options);
  EXPECT_EQ(ask_for_zero(served, "m"), 1);
  EXPECT_EQ(served.ask("GET", "/v2/models/weights/ready").status, 200) << served.said();
  for (const char* name : {"outputs", "inputs"}) {
    const std::string status = served.ask("GET", "/v1/models/" + std::string(name)).body;
    EXPECT_NE(status.find("MB for its weights and what passes through its layers"), std::string::npos) << status;
    EXPECT_NE(status.find("(max_model_bytes)"), std::string::npos) << status;
  }
  const ModelMemoryLimit limit(1 << 20, "most");
  const auto build = [](Shape input, std::vector<Layer> layers) {
    return [=] { const Sequential model(input, layers); };
  };
  expect_error(ErrorCode::bad_data, {"8,000 MB", "1 MB are allowed (most)"}, build({1'000'000'000}, {Flatten{}}));
  expect_error(ErrorCode::bad_data, {"(most)"}, build({1, 1, 1}, {UpSampling2D{.size = {30'000, 30'000}}}));
  expect_error(ErrorCode::bad_data, {"(most)"}, build({100'000}, {Dense{.units = 1'000'000}}));
  EXPECT_NO_THROW(build({1000}, {Dense{.units = 10}})());
}

TEST_F(Store, RefusesAModelWhoseNumbersAreNotFinite) {
  Sequential model = doubling_model(1);
  model.set_weight(1, Tensor({1}, {std::numeric_limits<Real>::infinity()}));
  fs::create_directories(directory.path() / "m" / "1");
  model.save(directory / "m/1/model.keras");
  Served served(options);
  EXPECT_EQ(ask_for_zero(served, "m"), -404);
  EXPECT_EQ(served.ask("GET", "/v2/health/ready").status, 503);
  EXPECT_EQ(served.ask("GET", "/v2/health/live").status, 200);
}

TEST_F(Store, SaysWhatCannotBeServed) {
  const auto sentence = [](const ServeOptions& wrong) -> std::string {
    try {
      const Server server(wrong);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  ServeOptions none;
  EXPECT_NE(sentence(none).find("nothing to serve"), std::string::npos);
  ServeOptions missing;
  missing.models = {directory / "none.keras"};
  EXPECT_NE(sentence(missing).find("none.keras: no such file"), std::string::npos);
  doubling_model(1).save(directory / "double.keras");
  missing.models = {directory / "duoble.keras"};
  EXPECT_NE(sentence(missing).find("did you mean '" + (directory / "double.keras") + "'?"), std::string::npos);
  ServeOptions broken;
  broken.models = {directory.write("broken.keras", "nothing")};
  std::string said;
  broken.log = [&](const std::string& each) { said += each; };
  EXPECT_NE(sentence(broken).find("broken.keras: no .keras file"), std::string::npos) << sentence(broken);
  EXPECT_EQ(said, "");  // for it is said once
  ServeOptions twice;
  doubling_model(1).save(directory / "a.keras");
  fs::create_directory(directory.path() / "sub");
  doubling_model(1).save(directory / "sub/a.keras");
  twice.models = {directory / "a.keras", directory / "sub/a.keras"};
  EXPECT_NE(sentence(twice).find("would both be served as 'a'"), std::string::npos) << sentence(twice);
  ServeOptions limit;
  limit.models = {directory / "a.keras"};
  limit.max_rows = 0;
  EXPECT_NE(sentence(limit).find("max_rows must be greater than 0"), std::string::npos);
  limit.max_rows = 1;
  limit.threads = 5000;
  EXPECT_NE(sentence(limit).find("threads must be 0 (all cores) or a number up to 4096, got 5000"), std::string::npos);
  limit.threads = 0, limit.compute_threads = -1;
  EXPECT_NE(sentence(limit).find("compute_threads must be 0"), std::string::npos) << sentence(limit);
  limit.compute_threads = 0;
  limit.tls_key = "key.pem";
  EXPECT_NE(sentence(limit).find("both a certificate and its key"), std::string::npos);
}

// What is named must be sound however it is named; what only lies in the folder need not be, whatever it is called.
TEST_F(Store, StopsAtTheStartForWhatIsListedAlone) {
  add_broken(1);
  ServeOptions listed;
  listed.models = {directory / "m/"};
  expect_error(ErrorCode::bad_data, {"m/1/model.keras"}, [&] { const Server server(listed); });
  ServeOptions both;
  fs::create_directories(directory.path() / "v.1" / "1");
  doubling_model(1).save(directory / "v.1/1/model.keras");
  both.models = {directory / "v.1"};
  fs::create_directory(directory.path() / "more");
  directory.write("more/v.keras", "nothing");
  both.model_dir = directory / "more";
  both.poll_seconds = 0;
  Served served(both);
  EXPECT_EQ(ask_for_zero(served, "v.1"), 1);
  EXPECT_EQ(ask_for_zero(served, "v"), -404);
}

// Every answer must be that of one version as a whole: y = 2 x + v with the same v for all rows of a request.
TEST_F(Store, ReloadsUnderLoadLoseAndMixNothing) {
  add_version(1);
  Served served(options);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, right{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&] {
      Client client(served.port());
      double newest = 0;
      while (!stop) {
        const Reply reply = client.ask("POST", "/v1/models/m:predict", R"({"instances": [0, 0, 0]})");
        if (reply.status != 200) {
          ++wrong;
          return;
        }
        const Value answer = reply.json();
        const auto& list = *answer.find("predictions")->get_if<Value::List>();
        const double first = *list[0].get_if<double>();
        const bool good = list[1] == list[0] && list[2] == list[0] && first >= newest && first <= 8;
        ++(good ? right : wrong);
        newest = first;
      }
    });
  }
  for (int version = 2; version <= 8; ++version) {
    if (version == 5) add_broken(100);
    add_version(version);
    served.server().reload();
  }
  while (right < 100 && wrong == 0) std::this_thread::yield();
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(ask_for_zero(served, "m"), 8);
}

}  // namespace
}  // namespace gradus::test
