# One language level and one set of warnings for every target of the project.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(LIFEBOAT_CCACHE ccache)
if(LIFEBOAT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LIFEBOAT_CCACHE})
endif()

add_library(lifeboat_compiler INTERFACE)
target_compile_options(lifeboat_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-align -Wold-style-cast -Wimplicit-fallthrough)
if(LIFEBOAT_WERROR)
  target_compile_options(lifeboat_compiler INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 reports reads of uninitialised members inside std::variant moves that it cannot follow.
  # gcc 13 and newer take the name by which an entry is looked up for what the reference to the entry lives on.
  target_compile_options(lifeboat_compiler INTERFACE -Wno-maybe-uninitialized -Wno-dangling-reference)
endif()

if(LIFEBOAT_SANITIZE)
  target_compile_options(lifeboat_compiler INTERFACE
    -fsanitize=${LIFEBOAT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(lifeboat_compiler INTERFACE -fsanitize=${LIFEBOAT_SANITIZE})
else()
  target_compile_options(lifeboat_compiler INTERFACE
    -fstack-protector-strong $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
  target_link_options(lifeboat_compiler INTERFACE -Wl,-z,relro,-z,now)
endif()
