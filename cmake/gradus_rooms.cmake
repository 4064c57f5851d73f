# How a room, the library made of rooms, and its double-precision twin are built.

add_library(gradus_options INTERFACE)
target_compile_features(gradus_options INTERFACE cxx_std_20)
target_compile_options(gradus_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
                       # GCC 12 warns of overlaps within std::string that cannot be (its bug 105651).
                       $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
                       # Multiply-adds are written where they are meant; the compiler adds none, so that the same
                       # source gives the same bits in every inlining.
                       -ffp-contract=off -fno-math-errno)
if(GRADUS_SANITIZE)
  # The checks that a sanitizer puts in hide from GCC that a variable has been set.
  target_compile_options(gradus_options INTERFACE -fsanitize=${GRADUS_SANITIZE} -fno-omit-frame-pointer -g1
                         -fno-sanitize-recover=all -Wno-maybe-uninitialized)
  target_link_options(gradus_options INTERFACE -fsanitize=${GRADUS_SANITIZE})
  if(GRADUS_SANITIZE STREQUAL thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # Boost.Asio has fences, which the thread sanitizer does not see; its queues have locks beside them.
    target_compile_options(gradus_options INTERFACE -Wno-tsan)
  endif()
endif()

if(GRADUS_FUZZ)
  target_compile_options(gradus_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=vptr
                         -fno-sanitize-recover=all -g1 -Wno-error)
  target_link_options(gradus_options INTERFACE -fsanitize=address,undefined)
endif()

# gradus_room(NAME [LINK libraries...]): an object library of every source in src/NAME.
function(gradus_room name)
  cmake_parse_arguments(ROOM "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp ${CMAKE_SOURCE_DIR}/src/${name}/*/*.cpp)
  if(GRADUS_FUZZ)
    # What waits for sockets: readers do not need it, and clang 14 does not compile C++20's coroutines.
    list(FILTER sources EXCLUDE REGEX "/src/serve/(connection|server)\\.cpp$")
  endif()
  add_library(room_${name} OBJECT ${sources})
  target_include_directories(room_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src
                             ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(room_${name} PUBLIC gradus_options ${ROOM_LINK})
  set_property(GLOBAL PROPERTY gradus_room_${name}_sources "${sources}")
  set_property(GLOBAL PROPERTY gradus_room_${name}_link "${ROOM_LINK}")
endfunction()

# An interface target that carries the objects of the rooms and what they need. Objects, not an archive: layers,
# losses, optimizers and sources register themselves, and a linker drops unreferenced members of an archive.
function(gradus_library target)
  add_library(${target}_objects INTERFACE)
  add_library(${target} SHARED)
  foreach(room ${ARGN})
    target_link_libraries(${target}_objects INTERFACE room_${room} $<TARGET_OBJECTS:room_${room}>)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:room_${room}>)
    get_property(link GLOBAL PROPERTY gradus_room_${room}_link)
    target_link_libraries(${target} PRIVATE ${link})
  endforeach()
  target_link_libraries(${target} PRIVATE gradus_options)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
                        SOVERSION ${PROJECT_VERSION_MAJOR})
endfunction()

function(gradus_library_double target)
  set(all)
  set(links)
  foreach(room ${ARGN})
    get_property(sources GLOBAL PROPERTY gradus_room_${room}_sources)
    get_property(link GLOBAL PROPERTY gradus_room_${room}_link)
    list(APPEND all ${sources})
    list(APPEND links ${link})
  endforeach()
  list(FILTER all EXCLUDE REGEX "/src/kernels/fast/")
  add_library(${target} OBJECT ${all})
  target_compile_definitions(${target} PUBLIC GRADUS_REAL_DOUBLE)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src
                             ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${target} PUBLIC gradus_options ${links})
endfunction()
