// What {fmt} 9 has in its library and not in its headers, out of its own source: Debian has no
// archive of it. It is linked into the program, which then needs no C++ library of the host's
// (docs/adr/0032).
#include <fmt/format-inl.h>

#include <locale>

FMT_BEGIN_NAMESPACE
namespace detail {

template auto dragonbox::to_decimal(float number) noexcept -> dragonbox::decimal_fp<float>;
template auto dragonbox::to_decimal(double number) noexcept -> dragonbox::decimal_fp<double>;
template auto locale_ref::get<std::locale>() const -> std::locale;
template auto thousands_sep_impl(locale_ref where) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref where) -> char;
template void buffer<char>::append(const char* begin, const char* end);

}  // namespace detail
FMT_END_NAMESPACE
