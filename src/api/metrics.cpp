#include "api/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>

#include "catalog/records.h"
#include "images/space.h"
#include "sandbox/json_views.h"

namespace veneer::api {
namespace {

void Begin(std::string& text, std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void Gauge(std::string& text, std::string_view name, std::string_view help, std::uint64_t value) {
  Begin(text, name, "gauge", help);
  fmt::format_to(std::back_inserter(text), "{} {}\n", name, value);
}

struct Labelled {
  std::string_view name;
  std::string_view type;
  std::string_view label;
  std::string_view help;
};

void Values(std::string& text, const Labelled& of,
            const std::map<std::string, std::uint64_t>& values) {
  Begin(text, of.name, of.type, of.help);
  for (const auto& [key, value] : values) {
    fmt::format_to(std::back_inserter(text), "{}{{{}=\"{}\"}} {}\n", of.name, of.label, key, value);
  }
}

struct DiskFamily {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  std::optional<double> (*value)(const DiskActivity&);
};

std::optional<double> Number(std::uint64_t count) { return static_cast<double>(count); }

constexpr std::array kDiskFamilies{
    DiskFamily{"veneer_disk_reads_total", "counter", "Reads of an attached disk.",
               [](const DiskActivity& of) { return Number(of.counters.reads); }},
    DiskFamily{"veneer_disk_writes_total", "counter", "Writes to it, discards among them.",
               [](const DiskActivity& of) { return Number(of.counters.writes); }},
    DiskFamily{"veneer_disk_flushes_total", "counter", "Flushes of it.",
               [](const DiskActivity& of) { return Number(of.counters.flushes); }},
    DiskFamily{"veneer_disk_errors_total", "counter",
               "Of all these, those that failed; the kernel's way counts none.",
               [](const DiskActivity& of) {
                 return of.errors == DiskActivity::Errors::kCounted ? Number(of.counters.errors)
                                                                    : std::nullopt;
               }},
    DiskFamily{"veneer_disk_read_bytes_total", "counter", "Bytes read from it.",
               [](const DiskActivity& of) { return Number(of.counters.bytes_read.value()); }},
    DiskFamily{"veneer_disk_written_bytes_total", "counter", "Bytes written to it.",
               [](const DiskActivity& of) { return Number(of.counters.bytes_written.value()); }},
    DiskFamily{"veneer_disk_store_fill_ratio", "gauge", "How full its store is, 0 to 1.",
               [](const DiskActivity& of) {
                 // A server of an earlier version does not tell it.
                 const bool untold =
                     of.fill.capacity == Bytes(0) && of.fill.condition == StoreCondition::kGood;
                 return untold ? std::nullopt : std::optional(of.fill.fill());
               }},
    DiskFamily{"veneer_disk_writers_held", "gauge",
               "1 while its writers wait for room on the host.",
               [](const DiskActivity& of) { return Number(of.writers == Writers::kHeld ? 1 : 0); }},
};

void AddSandboxes(const Host& host, const JsonViews& views,
                  const std::vector<SandboxRecord>& sandboxes, Figures& figures) {
  for (const SandboxState state : kSandboxStates) figures.sandboxes[std::string(StateName(state))];
  for (const SandboxRecord& each : sandboxes) {
    const JsonViews::Usage usage = views.UsageOf(each);
    ++figures.sandboxes[std::string(StateName(each.state))];
    figures.sandboxes_used += usage.used;
    figures.sandboxes_changed += usage.changed;
    figures.sandboxes_virtual += each.size;
  }
  const auto room = RoomIn(host.layout.sandboxes());
  if (!room) return;
  figures.room_total = room->total;
  figures.room_available = room->available;
}

}  // namespace

Result<Figures> LookUpFigures(const Host& host) {
  const auto sandboxes = VENEER_TRY(host.catalog.Sandboxes());
  const auto templates = VENEER_TRY(host.catalog.Templates());
  const JsonViews views = VENEER_TRY(JsonViews::Of(host.catalog, host.layout));
  Figures figures;
  AddSandboxes(host, views, sandboxes, figures);
  for (const TemplateKind kind : {TemplateKind::kImage, TemplateKind::kSnapshot}) {
    figures.templates[std::string(KindName(kind))];
  }
  for (const TemplateRecord& each : templates) {
    ++figures.templates[std::string(KindName(each.kind))];
    figures.templates_used += views.UsedBy(each);
  }
  return figures;
}

void Metrics::Note(Family& family, std::string_view first, std::string_view second, Seconds took) {
  const std::lock_guard lock(mutex_);
  Histogram& histogram = family[{std::string(first), std::string(second)}];
  const auto* const bound = std::ranges::lower_bound(kBounds, took.count());
  ++histogram.buckets.at(static_cast<std::size_t>(bound - kBounds.begin()));
  ++histogram.count;
  histogram.sum += took.count();
}

void Metrics::NoteOperation(std::string_view verb, std::string_view outcome, Seconds took) {
  Note(operations_, verb, outcome, took);
}

void Metrics::NoteStep(std::string_view verb, std::string_view step, Seconds took) {
  Note(steps_, verb, step, took);
}

void Metrics::RenderFamily(std::string& text, const Naming& naming, const Family& family) {
  Begin(text, naming.name, "histogram", naming.help);
  for (const auto& [labels, histogram] : family) {
    const std::string both = fmt::format("{}=\"{}\",{}=\"{}\"", naming.first, labels.first,
                                         naming.second, labels.second);
    std::uint64_t below = 0;
    for (std::size_t n = 0; n < kBounds.size(); ++n) {
      below += histogram.buckets.at(n);
      fmt::format_to(std::back_inserter(text), "{}_bucket{{{},le=\"{}\"}} {}\n", naming.name, both,
                     kBounds.at(n), below);
    }
    fmt::format_to(std::back_inserter(text),
                   "{0}_bucket{{{1},le=\"+Inf\"}} {2}\n{0}_sum{{{1}}} {3}\n{0}_count{{{1}}} {2}\n",
                   naming.name, both, histogram.count, histogram.sum);
  }
}

void Metrics::NoteFinding(const std::string& watch) {
  const std::lock_guard lock(mutex_);
  ++findings_[watch];
}

void Metrics::NoteDisks(std::vector<DiskReading> readings) {
  const std::lock_guard lock(mutex_);
  disks_ = std::move(readings);
}

void Metrics::RenderDisks(std::string& text) const {
  const auto shown = std::span(disks_).first(std::min(disks_.size(), kMostDisks));
  for (const DiskFamily& family : kDiskFamilies) {
    Begin(text, family.name, family.type, family.help);
    for (const DiskReading& each : shown) {
      const std::optional<double> value = family.value(each.activity);
      if (!value) continue;
      fmt::format_to(std::back_inserter(text), "{}{{sandbox=\"{}\",name=\"{}\"}} {}\n", family.name,
                     each.id, each.name, *value);
    }
  }
  const auto held = std::ranges::count_if(
      disks_, [](const DiskReading& each) { return each.activity.writers == Writers::kHeld; });
  Gauge(text, "veneer_disks_held", "Disks whose writers wait for room on the host.",
        static_cast<std::uint64_t>(held));
  Gauge(text, "veneer_disks_without_series",
        "Disks beyond the 1,000 that have series of their own.", disks_.size() - shown.size());
}

std::string Metrics::Render(const Figures& figures) const {
  std::string text;
  Begin(text, "veneer_build_info", "gauge", "The daemon's version.");
  text += "veneer_build_info{version=\"" VENEER_VERSION "\"} 1\n";
  Values(text, {"veneer_sandboxes", "gauge", "state", "Sandboxes, by state."}, figures.sandboxes);
  Gauge(text, "veneer_sandboxes_used_bytes", "What all stores take on the host.",
        figures.sandboxes_used.value());
  Gauge(text, "veneer_sandboxes_changed_bytes", "What all sandboxes have changed of their disks.",
        figures.sandboxes_changed.value());
  Gauge(text, "veneer_sandboxes_virtual_bytes", "The sizes of all sandboxes' disks.",
        figures.sandboxes_virtual.value());
  Values(text, {"veneer_templates", "gauge", "kind", "Templates, by kind."}, figures.templates);
  Gauge(text, "veneer_templates_used_bytes", "What all images take on the host.",
        figures.templates_used.value());
  Gauge(text, "veneer_host_size_bytes", "The size of the file system of the state directory.",
        figures.room_total.value());
  Gauge(text, "veneer_host_available_bytes", "What is free on it.", figures.room_available.value());
  const std::lock_guard lock(mutex_);
  RenderFamily(text,
               {.name = "veneer_operation_duration_seconds",
                .help = "How long operations took, by how they ended.",
                .first = "verb",
                .second = "outcome"},
               operations_);
  RenderFamily(text,
               {.name = "veneer_step_duration_seconds",
                .help = "How long the steps of operations took.",
                .first = "verb",
                .second = "step"},
               steps_);
  RenderDisks(text);
  Values(text, {"veneer_watch_findings_total", "counter", "watch", "What watchers have found."},
         findings_);
  return text;
}

}  // namespace veneer::api
