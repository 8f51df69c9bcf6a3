// What is refused, with which exit status, and that nothing has changed then.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>

#include "lifecycle/asked.h"
#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;

class RefusalsTest : public SandboxesTest {
 protected:
  // All that the listing commands tell, but for what time changes.
  [[nodiscard]] json Everything() const {
    return {{"sandboxes", Ok({"ls"})}, {"templates", Ok({"template", "ls"})}};
  }

  void ExpectRefusedAndUnchanged(int status, const std::vector<std::string>& arguments,
                                 const std::string& reason) const {
    const json before = Everything();
    EXPECT_THAT(Refused(status, arguments), HasSubstr(reason))
        << ::testing::PrintToString(arguments);
    EXPECT_EQ(Everything(), before) << ::testing::PrintToString(arguments);
  }
};

TEST_F(RefusalsTest, AVerbThatIsNotLegalInAStateIsAConflict) {
  Create("runs");
  Create("waits");
  Ok({"pause", "waits"});
  const std::string id = Create("broken").at("id");
  Ok({"pause", "broken"});
  fs::rename(StoreOf(id), StoreOf(id) + ".away");
  EXPECT_THAT(Refused(6, {"resume", "broken"}), HasSubstr(StoreOf(id)));
  EXPECT_EQ(StateOf("broken"), "failed");

  ExpectRefusedAndUnchanged(4, {"resume", "runs"}, "it is running");
  ExpectRefusedAndUnchanged(4, {"pause", "waits"}, "it is paused");
  ExpectRefusedAndUnchanged(4, {"pause", "broken"}, "it is failed");
  ExpectRefusedAndUnchanged(4, {"resume", "broken"}, "it is failed");
  ExpectRefusedAndUnchanged(4, {"fork", "broken"}, "it is failed");
  ExpectRefusedAndUnchanged(4, {"snapshot", "create", "broken", "--name", "s"}, "it is failed");

  fs::rename(StoreOf(id) + ".away", StoreOf(id));
  Ok({"recover"});
  Ok({"resume", "broken"});
  EXPECT_EQ(Read(DiskOf("broken"), 0), 'b');
}

TEST_F(RefusalsTest, NamesThatAreTakenMalformedAmbiguousOrGone) {
  Create("web");
  ExpectRefusedAndUnchanged(4, {"create", "base", "--name", "web"}, "web");
  ExpectRefusedAndUnchanged(4, {"template", "import", "base", Path("base.img")}, "base");
  ExpectRefusedAndUnchanged(2, {"create", "base", "--name", "Web!"}, "Web!");
  ExpectRefusedAndUnchanged(2, {"create", "base", "--name", "../web"}, "../web");
  ExpectRefusedAndUnchanged(2, {"snapshot", "create", "web", "--name", ""}, "name");
  ExpectRefusedAndUnchanged(3, {"create", "none"}, "none");
  ExpectRefusedAndUnchanged(3, {"pause", "none"}, "none");
  ExpectRefusedAndUnchanged(3, {"destroy", "sb-ffffffff"}, "sb-ffffffff");
  ExpectRefusedAndUnchanged(3, {"snapshot", "rm", "base"}, "not a snapshot");
  ExpectRefusedAndUnchanged(4, {"template", "rm", "base"}, "web");
}

// Whoever looks below another run directory finds no disk of this state directory.
TEST_F(RefusalsTest, AnotherRunDirectoryIsRefusedWhileAnythingRuns) {
  Create("web");
  const auto elsewhere = [&](std::vector<std::string> command) {
    command.insert(command.begin(), {"--root", root_, "--run", Path("other-run"), "--json"});
    return support::RunVeneer(command);
  };
  for (const std::vector<std::string>& command : {std::vector<std::string>{"ls"},
                                                  {"create", "base"},
                                                  {"recover"},
                                                  {"gc"},
                                                  {"destroy", "web", "--force"},
                                                  {"daemon"}}) {
    const auto outcome = elsewhere(command);
    EXPECT_EQ(outcome.status, 4) << ::testing::PrintToString(command) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("--run " + fs::canonical(run_).string()));
  }
  EXPECT_EQ(StateOf("web"), "running");
  EXPECT_EQ(Read(DiskOf("web"), 0), 'b');
  Ok({"pause", "web"});
  if (AskedProgram() != support::Program()) return;  // the daemon has it for as long as it lives
  EXPECT_EQ(elsewhere({"resume", "web"}).status, 0);
  EXPECT_THAT(Refused(4, {"ls"}), HasSubstr("other-run"));
  EXPECT_EQ(elsewhere({"destroy", "web"}).status, 0);
  EXPECT_EQ(Ok({"ls"}), json::array());
}

TEST_F(RefusalsTest, ANameThatIsGoneIsNotTheBeginningOfAnotherOnesId) {
  const std::string id = Create("web").at("id");
  const std::string digits = id.substr(3, 2);
  Create(digits);
  Ok({"destroy", digits});
  ExpectRefusedAndUnchanged(3, {"destroy", digits}, digits);
}

TEST_F(RefusalsTest, ABeginningThatFitsSeveralIdsNamesThem) {
  Create("web");
  std::map<std::string, std::string> first_by_digit;
  // Of seventeen ids two begin with the same of sixteen digits.
  for (const json& fork : Ok({"fork", "web", "--count", "17"})) {
    const std::string id = fork.at("id");
    const auto [first, fresh] = first_by_digit.emplace(id.substr(0, 4), id);
    if (fresh) continue;
    ExpectRefusedAndUnchanged(2, {"pause", first->first}, id);
    ExpectRefusedAndUnchanged(2, {"pause", first->first}, first->second);
    return;
  }
  FAIL() << "seventeen ids with seventeen first digits";
}

TEST_F(RefusalsTest, RequestsThatMakeNoSenseOrCannotBeMet) {
  Create("web");
  ExpectRefusedAndUnchanged(2, {"create", "base", "--size", "1M"}, "smaller");
  ExpectRefusedAndUnchanged(2, {"create", "base", "--backend", "magic"}, "magic");
  ExpectRefusedAndUnchanged(2, {"create", "base", "--reserve", "200%"}, "200%");
  ExpectRefusedAndUnchanged(2, {"fork", "web", "--count", "0"}, "0");
  ExpectRefusedAndUnchanged(2, {"create", "base", "--export", "ftp"}, "ftp");
  ExpectRefusedAndUnchanged(2, {"create", "base", "--export", "iscsi"}, "iscsi");
  ExpectRefusedAndUnchanged(5, {"create", "base", "--reserve", "1000P"}, "");
  ExpectRefusedAndUnchanged(5, {"fork", "web", "--reserve", "1000P"}, "");
  ExpectRefusedAndUnchanged(5, {"snapshot", "create", "web", "--name", "s", "--reserve", "1000P"},
                            "");
  if (!InGuest()) {
    const auto outcome = Veneer({"create", "base", "--name", "dm", "--backend", "dm"});
    EXPECT_THAT(outcome.status, AnyOf(0, 7)) << outcome.err;  // as this host has it
  }
}

TEST_F(RefusalsTest, FilesThatAreNoImages) {
  support::WriteFile(Path("text"), "not an image at all");
  ExpectRefusedAndUnchanged(2, {"template", "import", "t", Path("text")}, "text");
  support::WriteFile(Path("empty"), "");
  ExpectRefusedAndUnchanged(2, {"template", "import", "t", Path("empty")}, "empty");
  ExpectRefusedAndUnchanged(3, {"template", "import", "t", Path("none")}, "none");
  support::WriteFile(Path("cut.qcow2"), std::string("QFI\xfb\0\0\0\x03", 8));
  ExpectRefusedAndUnchanged(6, {"template", "import", "t", Path("cut.qcow2")}, "cut.qcow2");
}

TEST_F(RefusalsTest, AStoreIsNeverAttachedToAnotherImage) {
  const json made = Create("web");
  Ok({"pause", "web"});
  const std::string image = ImageOf(Ok({"template", "show", "base"}).at("id").get<std::string>());
  const std::string kept = support::ReadFile(image);
  fs::permissions(image, fs::perms::owner_all);
  support::WriteFile(image, std::string(kept.size(), 'x'));
  EXPECT_THAT(Refused(6, {"resume", "web"}), HasSubstr("no longer the image"));
  EXPECT_EQ(StateOf("web"), "failed");
  support::WriteFile(image, kept);
  Ok({"recover"});
  Ok({"resume", "web"});
  EXPECT_EQ(Read(DiskOf("web"), 0), 'b');
}

TEST_F(RefusalsTest, ACutImageIsNotTheTemplateAndItsSandboxesCanBeDestroyed) {
  Create("web");
  Create("other");
  Ok({"pause", "web"});
  Ok({"pause", "other"});
  const std::string image = ImageOf(Ok({"template", "show", "base"}).at("id").get<std::string>());
  fs::permissions(image, fs::perms::owner_all);
  fs::resize_file(image, 1 << 20);
  EXPECT_THAT(Refused(6, {"resume", "web"}), HasSubstr("no longer the image"));
  EXPECT_EQ(StateOf("web"), "failed");
  fs::remove(image);
  EXPECT_EQ(Ok({"recover"}).at("changed").size(), 2U);
  for (const char* name : {"web", "other"}) {
    EXPECT_EQ(StateOf(name), "failed");
    EXPECT_THAT(Show(name).at("reason").get<std::string>(), HasSubstr(image));
    Ok({"destroy", name});
  }
  Ok({"template", "rm", "base"});
  EXPECT_EQ(Ok({"template", "ls"}), json::array());
}

TEST_F(RefusalsTest, ACatalogThatIsDamagedOrNewerIsNotTouched) {
  const std::string whole = support::ReadFile(root_ + "/catalog.db");
  std::string newer = whole;
  constexpr std::size_t kUserVersion = 60;  // big-endian, in the header of an SQLite file
  newer.replace(kUserVersion, 4, std::string("\0\0\0\x63", 4));
  struct Case {
    std::string contents;
    std::string says;
  };
  for (const Case& each :
       {Case{"no database, but long enough to look at", "restore"},
        Case{whole.substr(0, 1000), "restore"}, Case{newer, "use the newer veneer"}}) {
    const std::string other = Path("other");
    fs::remove_all(other);
    fs::create_directory(other);
    support::WriteFile(other + "/catalog.db", each.contents);
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"ls"}, {"create", "base"}, {"recover"}, {"gc"}}) {
      std::vector<std::string> arguments{"--root", other, "--run", run_};
      arguments.insert(arguments.end(), command.begin(), command.end());
      const auto outcome = support::RunVeneer(arguments);
      EXPECT_EQ(outcome.status, 6) << outcome.err;
      EXPECT_THAT(outcome.err, HasSubstr(each.says));
      EXPECT_EQ(support::ReadFile(other + "/catalog.db"), each.contents);
    }
  }
}

TEST_F(RefusalsTest, LookingMakesNoStateDirectory) {
  const std::string other = Path("other");
  for (const std::vector<std::string>& look :
       {std::vector<std::string>{"ls"}, {"template", "ls"}, {"snapshot", "ls"}}) {
    std::vector<std::string> arguments{"--root", other, "--run", Path("other-run"), "--json"};
    arguments.insert(arguments.end(), look.begin(), look.end());
    const auto outcome = support::RunVeneer(arguments);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, "[]\n");
  }
  EXPECT_EQ(support::RunVeneer({"--root", other, "show", "web"}).status, 3);
  EXPECT_FALSE(fs::exists(other));
  EXPECT_FALSE(fs::exists(Path("other-run")));
}

}  // namespace
}  // namespace veneer::lifecycle
