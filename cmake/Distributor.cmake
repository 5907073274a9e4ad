# What every target of the project shares: language level, warnings, sanitizers, and how a module and a test are declared.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

if(DISTRIBUTOR_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

if(DISTRIBUTOR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(LLD_PROGRAM ld.lld)
if(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()

add_library(distributor_options INTERFACE)
target_compile_options(distributor_options INTERFACE -Wall -Wextra -Wconversion -Wshadow)
# Warnings are errors where they are sound. g++ 12's optimiser raises false alarms inside std::variant, std::string and std::vector
# (the five below), so optimised builds only show what is left.
target_compile_options(distributor_options INTERFACE $<$<CONFIG:Debug>:-Werror> -Wno-maybe-uninitialized -Wno-array-bounds
                                                     -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict)
target_include_directories(distributor_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(distributor_options INTERFACE DISTRIBUTOR_VERSION="${PROJECT_VERSION}")

# Asio and Beast are compiled once, not in every source that includes them.
add_library(dp_asio STATIC ${CMAKE_CURRENT_LIST_DIR}/asio.cpp)
target_compile_definitions(dp_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(dp_asio PUBLIC OpenSSL::SSL Threads::Threads)
target_link_libraries(distributor_options INTERFACE dp_asio)

# distributor_module(name SOURCES a.cpp ... [DEPS targets...]): a static library with the project's warnings.
function(distributor_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC distributor_options ${ARG_DEPS})
endfunction()

# distributor_test(name SOURCES a.cpp ... [DEPS targets...] [TIMEOUT seconds]): one GoogleTest program, one ctest entry.
function(distributor_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT DISTRIBUTOR_TESTS)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE distributor_options ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT ${ARG_TIMEOUT})
endfunction()
