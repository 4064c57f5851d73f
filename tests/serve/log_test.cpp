#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "base/text.hpp"
#include "serve/line_file.hpp"
#include "serve/log.hpp"
#include "serve/served.hpp"

/// What a server says in its logs, and how it goes on when a log cannot be written.
namespace gradus::test {
namespace {

const std::string predict = "/v1/models/one:predict", row = R"({"instances": [1]})";
const std::string nasty = "a\nb\x1b[31m\xff\xc2\x9b";

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(Log, LinesHaveTimeAndLevelAndNothingRaw) {
  std::vector<std::string> lines;
  const auto keep = [&](const std::string& line) { lines.push_back(line); };
  const serve::Log text(keep, false), json(keep, true);
  text.info("loaded");
  text.warning(nasty);
  text.error("500 for GET /", "id-1");
  json.warning(nasty);
  json.error("x", "id-1");
  const std::string time = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)";
  EXPECT_TRUE(std::regex_match(lines[0], std::regex(time + " info loaded"))) << lines[0];
  EXPECT_TRUE(std::regex_match(lines[1], std::regex(time + R"( warning a\\x0ab\\x1b\[31m\\xff\\xc2\\x9b)")))
      << lines[1];
  EXPECT_TRUE(std::regex_match(lines[2], std::regex(time + R"( error 500 for GET / \(request id-1\))"))) << lines[2];
  const Value line = read_json(lines[3], "line");
  EXPECT_EQ(*line.find("level")->get_if<std::string>(), "warning");
  EXPECT_EQ(lines[3].find_first_of("\n\x1b\x9b\xff"), std::string::npos);
  EXPECT_EQ(*read_json(lines[4], "line").find("request")->get_if<std::string>(), "id-1");
}

TEST(Log, PrintableKeepsWhatIsText) {
  EXPECT_EQ(printable_line("a \u00e9 \u00a0 \u4e2d \U0001F600"), "a \u00e9 \u00a0 \u4e2d \U0001F600");
  EXPECT_EQ(printable_line("\t\x7f\u0085\xe4"), R"(\x09\x7f\xc2\x85\xe4)");
  EXPECT_EQ(in_quotes("\u009b1m"), R"('\xc2\x9b1m')");
}

TEST(Log, NamesOfFilesComeEscaped) {
  TwoModels models;
  models.options.models = {models.directory / "one.keras"};
  models.options.model_dir = models.directory.path().string();
  models.directory.write(nasty.substr(0, 8) + ".keras", "no model");
  std::filesystem::copy(models.directory / "one.keras", models.directory / "m\xff\x1b.keras");
  std::filesystem::remove(models.directory / "three.keras");
  models.options.models.clear();
  Served served(models.options);
  EXPECT_NE(served.said().find("a\\x0ab\\x1b[31"), std::string::npos) << served.said();
  EXPECT_EQ(served.said().find_first_of("\x1b\xff"), std::string::npos);
  EXPECT_EQ(served.ask("POST", "/v1/models/m%ff%1b:predict", row).status, 200);
  const std::string metrics = served.ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find(R"(model="m\\xff\\x1b")"), std::string::npos) << metrics;
  EXPECT_EQ(metrics.find_first_of("\x1b\xff"), std::string::npos);
}

TEST(RequestId, IsTakenWhenSaneOrMade) {
  TwoModels models;
  std::mutex mutex;
  std::string access;
  models.options.access_log = [&](const std::string& line) {
    const std::lock_guard lock(mutex);
    access += line + "\n";
  };
  Served served(models.options);
  Client client(served.port());
  const auto id = [&](const std::string& headers) {
    return client.ask("POST", predict, row, headers).header("X-Request-Id");
  };
  EXPECT_EQ(id("X-Request-Id: 3f-A_9.z:/+=@\r\n"), "3f-A_9.z:/+=@");
  EXPECT_EQ(id("x-request-id: " + std::string(128, 'a') + "\r\n"), std::string(128, 'a'));
  const std::string first = id(""), second = id("");
  EXPECT_TRUE(std::regex_match(first, std::regex("[0-9a-f]{16}"))) << first;
  EXPECT_NE(first, second);
  const std::vector<std::string> unusable = {"a b", "\"", "\x1b[31m", "\xff", "<script>", std::string(129, 'a')};
  for (const std::string& bad : unusable) {
    const Reply reply = served.ask("POST", predict, row, "X-Request-Id: " + bad + "\r\n");
    EXPECT_EQ(reply.header("X-Request-Id").size(), 16u) << bad;
  }
  // Refused requests have one, too.
  Client broken(served.port());
  broken.send("no request\r\n\r\n");
  EXPECT_EQ(broken.read().header("X-Request-Id").size(), 16u);
  served.stop();
  EXPECT_NE(access.find("\"request\": \"" + first + "\""), std::string::npos) << access;
}

TEST(LineFile, GoesOnAfterAFullDisk) {
  const TemporaryDirectory directory;
  const std::string path = directory / "access.log";
  std::filesystem::create_symlink("/dev/full", path);
  std::string said;
  serve::LineFile file(path, [&](const std::string& sentence) { said += sentence + "\n"; });
  file.write("1");
  file.write("2");
  EXPECT_NE(said.find(": No space left on device\n"), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1);
  std::filesystem::remove(path);
  file.reopen();
  file.write("3");
  EXPECT_NE(said.find("2 lines could not be"), std::string::npos) << said;
  EXPECT_EQ(content(path), "3\n");
  // Moved away, as a program that rotates logs does.
  std::filesystem::rename(path, path + ".1");
  file.write("4");
  file.reopen();
  file.write("5");
  EXPECT_EQ(content(path + ".1"), "3\n4\n");
  EXPECT_EQ(content(path), "5\n");
  // When the path cannot be opened, the open file stays.
  std::filesystem::rename(path, path + ".2");
  std::filesystem::create_directory(path);
  file.reopen();
  file.write("6");
  EXPECT_EQ(content(path + ".2"), "5\n6\n");
  EXPECT_THROW(serve::LineFile(directory / "none/access.log", [](const std::string&) {}), Error);
}

TEST(Hangup, ReadsTheTokenAgainAndOpensTheAccessLogAnew) {
  TwoModels models;
  models.directory.write("token", "first\n");
  models.options.token_file = models.directory / "token";
  models.options.access_log_file = models.directory / "access.log";
  models.options.poll_seconds = 0;
  models.options.handle_signals = true;
  Served served(models.options);
  const auto hang_up = [&](const std::string& until) {
    ::kill(::getpid(), SIGHUP);
    while (served.said().find(until) == std::string::npos) std::this_thread::yield();
  };
  Client kept(served.port());
  const auto status = [&](const std::string& token) {
    return kept.ask("GET", "/v1/models/one", "", "Authorization: Bearer " + token + "\r\n").status;
  };
  EXPECT_EQ(status("first"), 200);
  std::filesystem::rename(models.directory / "access.log", models.directory / "access.log.1");
  models.directory.write("token", "second");
  hang_up("the token was read again");
  EXPECT_EQ(status("first"), 401);
  EXPECT_EQ(status("second"), 200);
  // What cannot be used changes nothing.
  models.directory.write("token", " \n");
  hang_up("the token file is empty; the token that was read before stays");
  EXPECT_EQ(status("second"), 200);
  EXPECT_EQ(content(models.directory / "access.log.1").find("\"status\": 401"), std::string::npos);
  EXPECT_NE(content(models.directory / "access.log").find("\"status\": 401"), std::string::npos);
}

TEST(Hangup, FilesThatChangedAreReadWithoutOne) {
  TwoModels models;
  models.directory.write("token", "first");
  models.options.token_file = models.directory / "token";
  models.options.poll_seconds = 0.01;
  Served served(models.options);
  models.directory.write("token", "another");
  const auto status = [&] {
    return served.ask("GET", "/v1/models/one", "", "Authorization: Bearer another\r\n").status;
  };
  while (status() != 200) std::this_thread::yield();
  EXPECT_EQ(served.ask("GET", "/v1/models/one", "", "Authorization: Bearer first\r\n").status, 401);
  models.options.token = "both";
  EXPECT_THROW(Server{models.options}, Error);
}

TEST(Log, WarnsOfAServerThatAnyoneMayUse) {
  TwoModels models;
  const auto warned = [&] {
    Served served(models.options);
    while (served.said().find("Serving on") == std::string::npos) std::this_thread::yield();
    served.stop();
    return served.said().find("it has no token") != std::string::npos;
  };
  EXPECT_FALSE(warned());
  models.options.host = "0.0.0.0";
  EXPECT_TRUE(warned());
  models.options.token = "sesame";
  EXPECT_FALSE(warned());
}

}  // namespace
}  // namespace gradus::test
