# What `cmake --install` copies, and what find_package(gradus) finds there.
include(CMakePackageConfigHelpers)

target_include_directories(gradus INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
                           $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
target_compile_features(gradus INTERFACE cxx_std_20)

install(TARGETS gradus EXPORT gradus_targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/gradus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp")
install(EXPORT gradus_targets NAMESPACE gradus:: FILE gradusTargets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)

configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/gradusConfig.cmake.in ${CMAKE_BINARY_DIR}/gradusConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/gradusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/gradusConfig.cmake ${CMAKE_BINARY_DIR}/gradusConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/docs/serving.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/deploy DESTINATION ${CMAKE_INSTALL_DATADIR}/gradus)
