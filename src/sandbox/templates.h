// Templates: immutable images that sandboxes are made of.
//
// Import blocks for as long as copying and hashing the image's data take; the others are quick,
// but for Verify where the image's stamp has changed: then it is hashed. Any process; what several
// do at once is ordered by the template's lock and the catalog.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "catalog/records.h"
#include "sandbox/host.h"
#include "sandbox/step_clock.h"

namespace veneer {

using Progress = std::function<void(Bytes, Bytes)>;

// What a template is to boot: files, which are copied.
struct BootSource {
  std::string kernel;
  std::string initrd{};  // none where empty
  std::string cmdline{};
};

struct ImportRequest {
  std::string name;
  std::string source{};  // a raw image, qcow2, or a tar of a root file system
  std::optional<BootSource> boot{};
  std::optional<Bytes> size{};  // of the file system that a tar becomes
  Progress progress{};
};

class Templates {
 public:
  explicit Templates(const Host& host) : host_(host) {}

  // kConflict: the name is taken; kUsage, kCorrupt: not an image that we can take; kNoSpace: it
  // would use up the reserve. On failure nothing is left.
  Result<TemplateRecord> Import(const ImportRequest& request);

  // kConflict: sandboxes use it, the message names them.
  Result<void> Remove(const std::string& reference);

  // The image is the one that was recorded, as far as its stamp tells; where that has changed, as
  // its digest tells. kNotFound: it is gone; kCorrupt: it is another.
  Result<void> Verify(const TemplateRecord& record);

  // Makes the image at Layout::Image(record.id) the template: read-only, hashed, recorded, and the
  // intent ended. Fills in stamp, digest and time.
  Result<TemplateRecord> Finish(TemplateRecord record, const IntentRecord& intent,
                                const Progress& progress);

  // Has `made` boot what `from` boots, where that is anything.
  Result<void> ShareBootFiles(const TemplateRecord& from, TemplateRecord& made);

  // The end of one that was begun and will not be finished: the machine that was to read its
  // memory, its files, then its intent.
  Result<void> Undo(const std::string& id);

 private:
  Result<TemplateRecord> ImportOne(const ImportRequest& request, StepClock& clock);
  Result<void> RemoveOne(const std::string& reference, StepClock& clock);
  Result<void> TakeBootFiles(const BootSource& source, TemplateRecord& record);
  Result<void> RemoveFilesOf(const std::string& id);

  Host host_;
};

}  // namespace veneer
