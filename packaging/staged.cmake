# What a package has that an installation has not. CPack runs this on the files that it is about to pack, which are in
# CPACK_TEMPORARY_INSTALL_DIRECTORY.
set(staged ${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX}/share)

if(CPACK_GENERATOR STREQUAL "DEB")
  # With SOURCE_DATE_EPOCH, that is the time.
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  file(WRITE ${staged}/doc/graceshim/changelog.Debian
    "graceshim (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * This package is made by graceshim's own build. What has changed in
    graceshim is in CHANGELOG.md.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  execute_process(COMMAND gzip -9n ${staged}/doc/graceshim/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)
  file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/debian/lintian-overrides ${staged}/lintian-overrides)
  file(MAKE_DIRECTORY ${staged}/lintian/overrides)
  file(RENAME ${staged}/lintian-overrides ${staged}/lintian/overrides/graceshim)
endif()

file(GLOB pages ${staged}/man/man*/*.[1-8])
if(pages)
  execute_process(COMMAND gzip -9n ${pages} COMMAND_ERROR_IS_FATAL ANY)
endif()

# So that the same build gives the same package.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND find ${CPACK_TEMPORARY_INSTALL_DIRECTORY} -exec touch --no-dereference
    --date=@$ENV{SOURCE_DATE_EPOCH} {} + COMMAND_ERROR_IS_FATAL ANY)
endif()
