# What is installed beside the binary, and the Debian package:
#   packaging/release-build && cpack --config build/release-static/CPackConfig.cmake
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
# The documents keep their places, so that their links to each other hold.
install(FILES README.md CHANGELOG.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY packaging/doc packaging/heroku packaging/cnb DESTINATION ${CMAKE_INSTALL_DOCDIR}/packaging
  FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN bin EXCLUDE PATTERN lib EXCLUDE)
install(DIRECTORY packaging/examples packaging/systemd DESTINATION ${CMAKE_INSTALL_DOCDIR}/packaging)
install(FILES packaging/explain.schema.json packaging/report.schema.json DESTINATION ${CMAKE_INSTALL_DOCDIR}/packaging)
install(FILES packaging/systemd/resque-worker.service DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# The man pages, and the completions where each shell looks for them; Debian's zsh has a folder for those of packages.
install(FILES packaging/man/graceshim.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES packaging/man/graceshim.toml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES packaging/man/graceshim-presets.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
install(FILES packaging/completions/graceshim.bash RENAME graceshim
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES packaging/completions/graceshim.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
if(EXISTS /etc/debian_version)
  install(FILES packaging/completions/_graceshim DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
else()
  install(FILES packaging/completions/_graceshim DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The graceshim developers <graceshim@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Start a command in a container, a unit or a Procfile, turn the platform's stop signal
into the one that lets the command finish its work, kill it only when its time
is over, reap every zombie, and exit with its status.")
# The static binary depends on nothing; of the dynamic one dpkg-shlibdeps finds out.
if(NOT GRACESHIM_STATIC)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
endif()
include(CPack)
