# What is installed beside the binary, and the packages for Debian and, with `-G RPM`, for others:
#   packaging/release-build && cpack --config build/release-static/CPackConfig.cmake

# A static binary contains its libraries, whose authors have a say, too.
if(GRACESHIM_STATIC)
  install(FILES packaging/debian/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
else()
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
endif()
# The documents keep their places, so that their links to each other hold.
install(FILES README.md CHANGELOG.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY packaging/doc packaging/heroku packaging/cnb DESTINATION ${CMAKE_INSTALL_DOCDIR}/packaging
  FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN bin EXCLUDE PATTERN lib EXCLUDE)
install(DIRECTORY packaging/examples packaging/systemd DESTINATION ${CMAKE_INSTALL_DOCDIR}/packaging)
install(FILES packaging/explain.schema.json packaging/report.schema.json packaging/trial.schema.json DESTINATION ${CMAKE_INSTALL_DOCDIR}/packaging)
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

# --- Packages ---

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "The graceshim authors")
set(CPACK_PACKAGE_CONTACT "The graceshim developers <graceshim@graceshim.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/staged.cmake)
set(graceshim_description "Start a command in a container, a unit or a Procfile, turn the platform's
stop signal into the one that lets the command finish its work, kill it only
when its time is over, reap every zombie, and exit with its status.")

# For another processor, packaging/dist says which.
find_program(GRACESHIM_DPKG dpkg)
if(NOT CPACK_DEBIAN_PACKAGE_ARCHITECTURE AND GRACESHIM_DPKG)
  execute_process(COMMAND ${GRACESHIM_DPKG} --print-architecture OUTPUT_VARIABLE CPACK_DEBIAN_PACKAGE_ARCHITECTURE
    OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
# The revision of the package, which Debian's changelog goes with, does not show in the name of the file.
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME graceshim_${PROJECT_VERSION}_${CPACK_DEBIAN_PACKAGE_ARCHITECTURE}.deb)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "${graceshim_description}")
# The static binary depends on nothing; of the dynamic one dpkg-shlibdeps finds out.
if(NOT GRACESHIM_STATIC)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
endif()

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE "MIT AND ISC AND BSD-2-Clause AND CC0-1.0 AND LGPL-2.1-or-later \
AND GPL-3.0-or-later WITH GCC-exception-3.1")
set(CPACK_RPM_PACKAGE_GROUP "System Environment/Base")
set(CPACK_RPM_PACKAGE_DESCRIPTION "${graceshim_description}")
# The same build gives the same package; without links to the build-id, of which the rpms of two processors would have the
# same folder.
set(CPACK_RPM_SPEC_MORE_DEFINE "%define _buildhost graceshim
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _build_id_links none")
include(CPack)
