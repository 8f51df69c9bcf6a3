#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "api/bodies.h"
#include "api/handlers.h"
#include "api/render.h"
#include "base/size_text.h"
#include "sandbox/templates.h"

namespace veneer::api {
namespace {

// A file that lies in the import directory itself: nothing that leads out of it.
Result<std::string> FileToImport(const Settings& settings, const std::string& name) {
  if (!settings.import_directory) {
    return Fail(ErrorKind::kUnsupported, "this daemon imports no files by name",
                "start it with --import-dir DIR, or send the image: PUT /v1/templates/NAME");
  }
  std::string path = *settings.import_directory + "/" + name;
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    return FailErrno(errno, fmt::format("the file {}", name), "put it into the import directory");
  }
  if (S_ISREG(status.st_mode)) return path;
  return Fail(ErrorKind::kUsage, fmt::format("{} is no regular file", name),
              "links are not followed: put the file itself into the import directory");
}

Result<std::optional<Bytes>> SizeIn(const Target& target) {
  const auto size = target.query.find("size");
  if (size == target.query.end()) return std::nullopt;
  return VENEER_TRY(ParseSize(size->second));
}

// The upload has no name that would mean something to who sent it.
Error Renamed(Error error, const std::string& path) {
  for (std::string* const text : {&error.what, &error.hint}) {
    for (auto at = text->find(path); at != std::string::npos; at = text->find(path)) {
      text->replace(at, path.size(), "the upload");
    }
  }
  return error;
}

Result<TemplateRecord> SnapshotNamed(const Host& host, const std::string& reference) {
  TemplateRecord record = VENEER_TRY(host.catalog.Template(reference));
  if (record.kind == TemplateKind::kSnapshot) return record;
  return Fail(ErrorKind::kNotFound, fmt::format("{} is a template, not a snapshot", record.name),
              "it is below /v1/templates");
}

}  // namespace

Result<Response> ListTemplates(const Call& call) {
  return ShowPage(call, "templates", VENEER_TRY(call.service.host().catalog.Templates()));
}

Result<Response> GetTemplate(const Call& call) {
  const Host& host = call.service.host();
  const TemplateRecord record = VENEER_TRY(host.catalog.Template(call.object));
  return Show(host, 200, record);
}

Result<Response> ImportTemplate(const Call& call) {
  const Host& host = call.service.host();
  const ImportBody body = VENEER_TRY(DecodeImport(call.request.body));
  const std::string source = VENEER_TRY(FileToImport(call.service.settings(), body.file));
  const TemplateRecord record =
      VENEER_TRY(Templates(host).Import({.name = body.name, .source = source, .size = body.size}));
  return Show(host, 201, record);
}

Result<Response> UploadTemplate(const Call& call) {
  const Host& host = call.service.host();
  const auto size = VENEER_TRY(SizeIn(call.request.target));
  const std::string path = fmt::format("/proc/self/fd/{}", call.request.upload);
  const auto record = Templates(host).Import({.name = call.object, .source = path, .size = size});
  if (!record) return Fail(Renamed(record.error(), path));
  return Show(host, 201, *record);
}

Result<Response> RemoveTemplate(const Call& call) {
  const Host& host = call.service.host();
  const TemplateRecord record = VENEER_TRY(host.catalog.Template(call.object));
  VENEER_TRY(Templates(host).Remove(record.id));
  return JsonResponse(200, RemovedJson(record));
}

Result<Response> ListSnapshots(const Call& call) {
  auto templates = VENEER_TRY(call.service.host().catalog.Templates());
  std::erase_if(templates, [](const auto& each) { return each.kind != TemplateKind::kSnapshot; });
  return ShowPage(call, "snapshots", std::move(templates));
}

Result<Response> GetSnapshot(const Call& call) {
  const Host& host = call.service.host();
  const TemplateRecord record = VENEER_TRY(SnapshotNamed(host, call.object));
  return Show(host, 200, record);
}

Result<Response> RemoveSnapshot(const Call& call) {
  const Host& host = call.service.host();
  const TemplateRecord record = VENEER_TRY(SnapshotNamed(host, call.object));
  VENEER_TRY(Templates(host).Remove(record.id));
  return JsonResponse(200, RemovedJson(record));
}

}  // namespace veneer::api
