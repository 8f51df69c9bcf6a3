# veneer_embed(TARGET FILES …): makes files a part of the program. EmbeddedFile (src/api/embedded.h)
# gives the contents of each by its name. They are written at configure time; a changed file
# configures anew.
function(veneer_embed target)
  cmake_parse_arguments(EMBED "" "" "FILES" ${ARGN})
  set(arrays "")
  set(rows "")
  set(number 0)
  foreach(file IN LISTS EMBED_FILES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(READ "${file}" bytes HEX)
    string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
    get_filename_component(name "${file}" NAME)
    string(APPEND arrays "constexpr char kFile${number}[] = {${bytes}'\\0'};\n")
    string(APPEND rows
           "    {\"${name}\", std::string_view(kFile${number}, sizeof kFile${number} - 1)},\n")
    math(EXPR number "${number} + 1")
  endforeach()
  set(source "${CMAKE_CURRENT_BINARY_DIR}/embedded.cpp")
  file(CONFIGURE OUTPUT "${source}" @ONLY CONTENT [[
#include "api/embedded.h"

namespace veneer::api {
namespace {

@arrays@
struct File {
  std::string_view name;
  std::string_view contents;
};
constexpr File kFiles[] = {
@rows@};

}  // namespace

std::string_view EmbeddedFile(std::string_view name) {
  for (const File& file : kFiles) {
    if (file.name == name) return file.contents;
  }
  return {};
}

}  // namespace veneer::api
]])
  target_sources(${target} PRIVATE "${source}")
endfunction()
