#include "images/image_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace veneer {
namespace {

using namespace std::string_view_literals;

Result<DetectedFormat> Detect(std::string_view mark, std::size_t at = 0, std::size_t size = 1024) {
  std::vector<std::byte> file(size);
  std::ranges::copy(std::as_bytes(std::span(mark)), file.begin() + static_cast<std::ptrdiff_t>(at));
  const auto head = std::span(file).first(std::min<std::size_t>(size, kFormatHead.value()));
  return DetectFormat(head, Bytes(size));
}

TEST(ImageFormatTest, KnowsImagesAndArchivesByTheirMarks) {
  EXPECT_EQ(Detect("QFI\xfb").value(), DetectedFormat{ImageFormat::kQcow2});
  EXPECT_EQ(Detect("ustar\0", 257).value(), DetectedFormat{ImageFormat::kTar});
  EXPECT_EQ(Detect("ustar  ", 257).value(), DetectedFormat{ImageFormat::kTar});
  EXPECT_EQ(Detect("\x1f\x8b\x08").value(),
            (DetectedFormat{ImageFormat::kTar, Compression::kGzip}));
  EXPECT_EQ(Detect("BZh9").value(), (DetectedFormat{ImageFormat::kTar, Compression::kBzip2}));
  EXPECT_EQ(Detect("\xfd"
                   "7zXZ\0"sv)
                .value(),
            (DetectedFormat{ImageFormat::kTar, Compression::kXz}));
  EXPECT_EQ(Detect("\x28\xb5\x2f\xfd").value(),
            (DetectedFormat{ImageFormat::kTar, Compression::kZstd}));
}

TEST(ImageFormatTest, WhatHasNoMarkIsRaw) {
  EXPECT_EQ(Detect("").value(), DetectedFormat{ImageFormat::kRaw});
  EXPECT_EQ(Detect("QFI").value(), DetectedFormat{ImageFormat::kRaw});
  EXPECT_EQ(Detect("ustar", 256).value(), DetectedFormat{ImageFormat::kRaw});
}

TEST(ImageFormatTest, TheSizeOfOnlyARawImageMatters) {
  EXPECT_EQ(Detect("", 0, 0).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(Detect("", 0, 1023).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(Detect("#!/bin/sh\n", 0, 10).error().kind, ErrorKind::kUsage);
  EXPECT_TRUE(Detect("\x1f\x8b\x08", 0, 1023));
}

TEST(ImageFormatTest, NamesTheFormatsOfOthers) {
  const auto name_in = [](std::string_view mark, std::size_t at = 0) {
    const auto detected = Detect(mark, at);
    EXPECT_EQ(detected.error().kind, ErrorKind::kUsage);
    EXPECT_NE(detected.error().hint.find("qemu-img"), std::string::npos);
    return detected.error().what;
  };
  EXPECT_EQ(name_in("KDMV"), "it is a VMDK image");
  EXPECT_EQ(name_in("# Disk DescriptorFile\nversion=1"), "it is a VMDK image");
  EXPECT_EQ(name_in("vhdxfile"), "it is a VHDX image");
  EXPECT_EQ(name_in("conectix"), "it is a VHD image");
  EXPECT_EQ(name_in("\x7f\x10\xda\xbe", 0x40), "it is a VDI image");
  EXPECT_EQ(name_in("QED\0"sv), "it is a QED image");
}

}  // namespace
}  // namespace veneer
