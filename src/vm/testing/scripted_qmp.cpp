#include "vm/testing/scripted_qmp.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kernel/linux/unix_socket.h"

namespace veneer::testing {
namespace {

using Json = nlohmann::json;

void Say(const UniqueFd& client, const Json& message) {
  const std::string line = message.dump() + "\n";
  [[maybe_unused]] const ssize_t n = ::send(client.get(), line.data(), line.size(), MSG_NOSIGNAL);
}

}  // namespace

ScriptedQmp::ScriptedQmp(const std::string& path)
    : listener_(ListenAtUnix(path).value()), thread_([this] { Serve(); }) {}

ScriptedQmp::~ScriptedQmp() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    if (client_ >= 0) ::shutdown(client_, SHUT_RDWR);
  }
  ::shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

void ScriptedQmp::FailNext(const std::string& command) {
  const std::lock_guard lock(mutex_);
  ++failures_[command];
}

void ScriptedQmp::BeforeEach(std::function<void(const std::string&)> act) {
  const std::lock_guard lock(mutex_);
  before_ = std::move(act);
}

void ScriptedQmp::MoveForEver() {
  const std::lock_guard lock(mutex_);
  for_ever_ = true;
}

void ScriptedQmp::InputWithNextMove(unsigned queue) {
  const std::lock_guard lock(mutex_);
  input_.push_back(queue);
}

std::string ScriptedQmp::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

bool ScriptedQmp::moving() const {
  const std::lock_guard lock(mutex_);
  return migration_ == "active";
}

unsigned ScriptedQmp::Count(const std::string& command) const {
  const std::lock_guard lock(mutex_);
  return static_cast<unsigned>(std::ranges::count(heard_, command));
}

void ScriptedQmp::Serve() {
  while (true) {
    const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) return;
    {
      const std::lock_guard lock(mutex_);
      if (over_) return;
      client_ = client.get();
    }
    ServeOne(client);
    const std::lock_guard lock(mutex_);
    client_ = -1;
  }
}

void ScriptedQmp::ServeOne(const UniqueFd& client) {
  Say(client, {{"QMP", Json::object()}});
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    // An open file that comes along is closed by the kernel.
    const ssize_t n = ::read(client.get(), buffer.data(), buffer.size());
    if (n <= 0) return;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const Json message = Json::parse(text.substr(0, end));
      text.erase(0, end + 1);
      Say(client, Answer(message["execute"], message.value("arguments", Json::object())));
    }
  }
}

Json ScriptedQmp::Answer(const std::string& command, const Json& arguments) {
  const std::lock_guard lock(mutex_);
  heard_.push_back(command);
  if (before_) before_(command);
  if (failures_[command] > 0) {
    --failures_[command];
    return {{"error", {{"class", "GenericError"}, {"desc", "injected"}}}};
  }
  return {{"return", Act(command, arguments)}};
}

Json ScriptedQmp::Act(const std::string& command, const Json& arguments) {
  if (command == "stop") status_ = "paused";
  // As QEMU: one that is still moved out stops again when that is done.
  if (command == "cont") status_ = "running";
  if (command == "migrate") Move();
  if (command == "migrate_cancel") migration_ = "cancelled";
  if (command == "query-status") return {{"status", status_}};
  if (command == "query-migrate" && !migration_.empty()) return {{"status", migration_}};
  if (command == "x-query-virtio") return {{{"name", "virtio-serial"}, {"path", "/ports"}}};
  if (command == "x-query-virtio-queue-status") {
    return {{"vring-used", 0U}, {"used-idx", used_[arguments.value("queue", 0U)]}};
  }
  return Json::object();
}

void ScriptedQmp::Move() {
  const bool for_ever = std::exchange(for_ever_, false);
  migration_ = for_ever ? "active" : "completed";
  if (!for_ever) status_ = "postmigrate";
  for (const unsigned queue : std::exchange(input_, {})) ++used_[queue];
}

}  // namespace veneer::testing
