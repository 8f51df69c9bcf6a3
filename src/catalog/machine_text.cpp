#include "catalog/machine_text.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace veneer {
namespace {

using Json = nlohmann::json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::string> TextIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<std::uint64_t> NumberIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

}  // namespace

std::string EncodeBoot(const std::optional<BootRecord>& boot) {
  if (!boot) return "";
  return Dump({{"kernel", boot->kernel}, {"initrd", boot->initrd}, {"cmdline", boot->cmdline}});
}

Result<std::optional<BootRecord>> DecodeBoot(std::string_view text) {
  if (text.empty()) return std::optional<BootRecord>();
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Fail(ErrorKind::kCorrupt, "what it boots");
  auto kernel = TextIn(json, "kernel");
  auto initrd = TextIn(json, "initrd");
  auto cmdline = TextIn(json, "cmdline");
  if (!kernel || !initrd || !cmdline) return Fail(ErrorKind::kCorrupt, "what it boots");
  return std::optional(BootRecord{
      .kernel = *std::move(kernel), .initrd = *std::move(initrd), .cmdline = *std::move(cmdline)});
}

std::string EncodeMachineRecord(const std::optional<MachineRecord>& machine) {
  if (!machine) return "";
  return Dump({{"memory", machine->memory.value()},
               {"cpus", machine->cpus},
               {"network", machine->network},
               {"acceleration", machine->acceleration}});
}

Result<std::optional<MachineRecord>> DecodeMachineRecord(std::string_view text) {
  if (text.empty()) return std::optional<MachineRecord>();
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Fail(ErrorKind::kCorrupt, "its machine");
  const auto memory = NumberIn(json, "memory");
  const auto cpus = NumberIn(json, "cpus");
  auto network = TextIn(json, "network");
  auto acceleration = TextIn(json, "acceleration");
  constexpr std::uint64_t kMostCpus = 1024;
  if (!memory || !cpus || *cpus > kMostCpus || !network || !acceleration) {
    return Fail(ErrorKind::kCorrupt, "its machine");
  }
  return std::optional(MachineRecord{.memory = Bytes(*memory),
                                     .cpus = static_cast<unsigned>(*cpus),
                                     .network = *std::move(network),
                                     .acceleration = *std::move(acceleration)});
}

}  // namespace veneer
