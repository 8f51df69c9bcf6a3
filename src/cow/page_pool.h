// PagePool: memory for tables that grow, in pages of one size.
//
// Tables of many sizes that are outgrown one after the other leave a heap full of holes which fit
// nobody. Pages of one size always fit: what one table gave back another takes. For many threads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace veneer {

class PagePool {
 public:
  using Word = std::atomic<std::uint32_t>;
  // 384 bytes.
  using Page = std::array<Word, 96>;

  // Fills `pages` with pages of zeros; they are the caller's until they are given back, or the pool
  // ends. std::bad_alloc: none is taken.
  void Take(std::span<Page*> pages);

  // Nobody looks at them any more.
  void GiveBack(std::span<Page* const> pages) noexcept;

  // All there are, taken or not.
  [[nodiscard]] std::size_t pages() const;

 private:
  static constexpr std::size_t kBlockPages = 32;

  void PutFree(Page& page) noexcept;
  Page* TakeFree() noexcept;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Page[]>> blocks_;
  Page* free_ = nullptr;  // the first two words of each have the address of the next
  std::size_t free_count_ = 0;
};

}  // namespace veneer
