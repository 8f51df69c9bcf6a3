// `veneer cow …`: what each command does once it is parsed. Text or JSON goes to stdout.
//
// All block on files; each yields the exit status, or the error to report.
#pragma once

#include <optional>
#include <string>

#include "app/global_options.h"
#include "base/result.h"

namespace veneer {

struct CowCreateArguments {
  std::string store;
  std::string origin;
  std::string chunk_size = "4K";
  std::optional<std::string> size;
  std::optional<std::string> max_change;
};
Result<int> CowCreate(const GlobalOptions& options, const CowCreateArguments& arguments);

// `store` may be in use.
Result<int> CowInfo(const GlobalOptions& options, const std::string& store);
Result<int> CowList(const GlobalOptions& options, const std::string& store);

struct CowCheckArguments {
  std::string store;
  std::optional<std::string> origin;
};
// Status 6 where the store has faults; kConflict while it is attached for writing.
Result<int> CowCheck(const GlobalOptions& options, const CowCheckArguments& arguments);

struct CowFlattenArguments {
  std::string store;
  std::string origin;
  std::string output;
  std::string method = "auto";
  bool force = false;
};
// kConflict while the store is attached for writing.
Result<int> CowFlatten(const GlobalOptions& options, const CowFlattenArguments& arguments);

struct CowAttachArguments {
  std::string store;
  std::string origin;
  std::string at;    // user
  std::string name;  // dm
  std::string backend = "user";
  std::string export_way = "fuse";
  bool read_only = false;
  bool block = false;
};
Result<int> CowAttach(const GlobalOptions& options, const CowAttachArguments& arguments);
Result<int> CowDetach(const GlobalOptions& options, const std::string& path);

// `path`: of an attached disk, or of a store that is not attached.
Result<int> CowFill(const GlobalOptions& options, const std::string& path);

struct CowGrowArguments {
  std::string path;  // as for CowFill
  std::optional<std::string> max_change;
};
Result<int> CowGrow(const GlobalOptions& options, const CowGrowArguments& arguments);

struct CowServeArguments {
  CowAttachArguments disk;
  // An open descriptor on which it says that it is ready, or why not.
  int ready_fd = -1;
};
// The server of an attached disk; what `cow attach` starts. Serves until it is detached.
Result<int> CowServe(const GlobalOptions& options, const CowServeArguments& arguments);

}  // namespace veneer
