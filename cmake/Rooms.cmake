# A room is a folder below sidecar/ with one library, one public include directory and one list of the
# rooms that it may see. The include directory is given to dependents alone, so a room that reaches for
# the headers of a room it did not name does not compile.

# lifeboat_room(NAME SOURCES file... USES target... KEEPS target...)
#   USES:  rooms and libraries that appear in the room's public headers.
#   KEEPS: rooms and libraries that only its sources need.
function(lifeboat_room name)
  cmake_parse_arguments(room "" "" "SOURCES;USES;KEEPS" ${ARGN})
  set(target lifeboat_${name})
  if(room_SOURCES)
    add_library(${target} STATIC ${room_SOURCES})
    target_include_directories(${target} PUBLIC include PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${target} PUBLIC ${room_USES} PRIVATE ${room_KEEPS} lifeboat_compiler)
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE include)
    target_link_libraries(${target} INTERFACE ${room_USES})
  endif()
endfunction()

# lifeboat_unit_test(ROOM SOURCES file... NEEDS target...): links that room alone.
function(lifeboat_unit_test room)
  cmake_parse_arguments(test "" "" "SOURCES;NEEDS" ${ARGN})
  set(target unit_${room})
  add_executable(${target} ${test_SOURCES})
  target_link_libraries(${target} PRIVATE lifeboat_${room} ${test_NEEDS} GTest::gtest GTest::gmock GTest::gtest_main
                        lifeboat_compiler)
  add_test(NAME ${room} COMMAND ${target})
  set_tests_properties(${room} PROPERTIES TIMEOUT 600)
endfunction()
