# Target header_check: every public header of the tree compiles alone, with the project's warnings. One translation unit per header,
# so that ninja and ccache do again only what changed. Not part of `all`: a test builds it.
file(GLOB_RECURSE checked_headers RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/sync/*.hpp ${CMAKE_SOURCE_DIR}/openflow/*.hpp ${CMAKE_SOURCE_DIR}/ha/*.hpp
     ${CMAKE_SOURCE_DIR}/api/*.hpp ${CMAKE_SOURCE_DIR}/node/*.hpp)
list(FILTER checked_headers EXCLUDE REGEX "/detail/")
set(header_units)
foreach(header ${checked_headers})
  set(unit ${CMAKE_CURRENT_BINARY_DIR}/header_check/${header}.cpp)
  file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
  list(APPEND header_units ${unit})
endforeach()
add_library(header_check OBJECT EXCLUDE_FROM_ALL ${header_units})
target_link_libraries(header_check PRIVATE distributor_options)
target_include_directories(header_check PRIVATE ${CMAKE_BINARY_DIR})
target_compile_options(header_check PRIVATE -O0 -g0)
