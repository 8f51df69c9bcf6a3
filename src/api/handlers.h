// The handlers of the paths: each decodes, calls one use case, and shows what came of it. They
// block as the use case does; errors are rendered by who calls them.
#pragma once

#include "api/router.h"
#include "api/service.h"

namespace veneer::api {

Result<Response> ListTemplates(const Call& call);
Result<Response> GetTemplate(const Call& call);
Result<Response> ImportTemplate(const Call& call);
Result<Response> UploadTemplate(const Call& call);
Result<Response> RemoveTemplate(const Call& call);

Result<Response> ListSnapshots(const Call& call);
Result<Response> GetSnapshot(const Call& call);
Result<Response> RemoveSnapshot(const Call& call);

Result<Response> ListSandboxes(const Call& call);
Result<Response> CreateSandbox(const Call& call);
Result<Response> GetSandbox(const Call& call);
Result<Response> DestroySandbox(const Call& call);
Result<Response> PauseSandbox(const Call& call);
Result<Response> ResumeSandbox(const Call& call);
Result<Response> ForkSandbox(const Call& call);
Result<Response> SnapshotSandbox(const Call& call);
Result<Response> ExecInSandbox(const Call& call);
// What is answered who asks for the stream of a command and speaks no WebSocket.
Result<Response> NoStream(const Call& call);

}  // namespace veneer::api
