// Pages of a list: "?limit=100&after=CURSOR". A cursor names the last element of the page before by
// what the list is ordered by, so that it means the same when that element has gone. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/target.h"
#include "base/result.h"
#include "catalog/records.h"

namespace veneer::api {

struct Paging {
  std::size_t limit = 100;
  std::string after{};  // empty: from the first
};

// kUsage: limit is not from 1 to 1000.
Result<Paging> PagingIn(const Target& target);

// "0000018f3c2a1b00-sb-1f2e3d4c", "web-ready": ordered as the list is.
std::string CursorOf(const SandboxRecord& sandbox);
std::string CursorOf(const TemplateRecord& record);

template <class Record>
struct Page {
  std::vector<Record> records{};
  std::optional<std::string> next{};  // the cursor of the page behind it
};

// `all` in the order of their cursors.
template <class Record>
Page<Record> PageOf(std::vector<Record> all, const Paging& paging) {
  Page<Record> page;
  for (Record& record : all) {
    if (!paging.after.empty() && CursorOf(record) <= paging.after) continue;
    if (page.records.size() == paging.limit) {
      page.next = CursorOf(page.records.back());
      return page;
    }
    page.records.push_back(std::move(record));
  }
  return page;
}

}  // namespace veneer::api
