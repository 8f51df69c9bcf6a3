// ScriptedQmp: a peer at a QMP socket that answers as a test says, and a model of QEMU behind it.
//
// Clients come one after the other, as QEMU has it. The model knows what a save asks for: whether
// the machine runs, whether a state is being moved, and how many buffers its ports have handed
// over.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace veneer::testing {

class ScriptedQmp {
 public:
  explicit ScriptedQmp(const std::string& path);
  ScriptedQmp(const ScriptedQmp&) = delete;
  ScriptedQmp& operator=(const ScriptedQmp&) = delete;
  ~ScriptedQmp();

  // The next time that it is asked this it says that it cannot.
  void FailNext(const std::string& command);
  // Called before each command is answered, by the peer's thread.
  void BeforeEach(std::function<void(const std::string& command)> act);
  // The next state that is moved out does not get there: it stays under way.
  void MoveForEver();
  // With the next state that is moved out, something comes over this queue.
  void InputWithNextMove(unsigned queue);

  [[nodiscard]] std::string status() const;
  [[nodiscard]] bool moving() const;
  // How often it was asked this.
  [[nodiscard]] unsigned Count(const std::string& command) const;

 private:
  void Serve();
  void ServeOne(const UniqueFd& client);
  nlohmann::json Answer(const std::string& command, const nlohmann::json& arguments);
  nlohmann::json Act(const std::string& command, const nlohmann::json& arguments);
  void Move();

  UniqueFd listener_;
  mutable std::mutex mutex_;
  std::function<void(const std::string&)> before_;
  std::vector<std::string> heard_;
  std::map<std::string, int> failures_;
  std::map<unsigned, unsigned> used_;  // of each queue
  std::vector<unsigned> input_;
  std::string status_ = "running";
  std::string migration_;
  bool for_ever_ = false;
  int client_ = -1;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace veneer::testing
