# What `cmake --install` puts below its prefix beside the program (src/app): its man page,
# completions and documents.
# veneer_install(FILE DESTINATION [NAME]): a file of the project, where it is there.
function(veneer_install file destination)
  if(EXISTS "${PROJECT_SOURCE_DIR}/${file}")
    install(FILES "${PROJECT_SOURCE_DIR}/${file}" DESTINATION "${destination}" RENAME ${ARGN})
  endif()
endfunction()

veneer_install(packaging/man/veneer.1 "${CMAKE_INSTALL_MANDIR}/man1" veneer.1)
set(completions "packaging/completions")
veneer_install(${completions}/veneer.bash "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" veneer)
veneer_install(${completions}/veneer.zsh "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" _veneer)
veneer_install(${completions}/veneer.fish "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d" veneer.fish)
veneer_install(packaging/systemd/veneer.service lib/systemd/system veneer.service)
veneer_install(packaging/systemd/veneer.socket lib/systemd/system veneer.socket)
veneer_install(packaging/grafana/veneer.json "${CMAKE_INSTALL_DATADIR}/veneer/grafana" veneer.json)
install(FILES README.md ARCHITECTURE.md CHANGELOG.md LICENSE docs/format.md docs/library.md docs/api.md
              docs/operations.md
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY examples DESTINATION "${CMAKE_INSTALL_DOCDIR}")
