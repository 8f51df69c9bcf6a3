#include "cow/page_pool.h"

#include <bit>

namespace veneer {
namespace {

using Address = std::array<std::uint32_t, sizeof(PagePool::Page*) / sizeof(std::uint32_t)>;

}  // namespace

void PagePool::Take(std::span<Page*> pages) {
  const std::lock_guard lock(mutex_);
  while (free_count_ < pages.size()) {
    blocks_.push_back(std::make_unique<Page[]>(kBlockPages));
    for (Page& page : std::span(blocks_.back().get(), kBlockPages)) PutFree(page);
  }
  for (Page*& page : pages) page = TakeFree();
}

void PagePool::GiveBack(std::span<Page* const> pages) noexcept {
  for (Page* const page : pages) {
    for (Word& word : *page) word.store(0, std::memory_order_relaxed);
  }
  const std::lock_guard lock(mutex_);
  for (Page* const page : pages) PutFree(*page);
}

std::size_t PagePool::pages() const {
  const std::lock_guard lock(mutex_);
  return blocks_.size() * kBlockPages;
}

void PagePool::PutFree(Page& page) noexcept {
  const auto next = std::bit_cast<Address>(free_);
  for (std::size_t i = 0; i < next.size(); ++i)
    page.at(i).store(next.at(i), std::memory_order_relaxed);
  free_ = &page;
  ++free_count_;
}

PagePool::Page* PagePool::TakeFree() noexcept {
  Page& page = *free_;
  Address next{};
  for (std::size_t i = 0; i < next.size(); ++i) {
    next.at(i) = page.at(i).exchange(0, std::memory_order_relaxed);
  }
  free_ = std::bit_cast<Page*>(next);
  --free_count_;
  return &page;
}

}  // namespace veneer
