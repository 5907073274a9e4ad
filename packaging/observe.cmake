# What operators look with: man pages (compressed, as Debian wants them), completion, alert rules and dashboard.
find_program(GZIP_PROGRAM gzip REQUIRED)
set(pages)
foreach(page distributord distributorctl distributor-gatekeeper distributor-setup)
  set(source ${CMAKE_CURRENT_LIST_DIR}/man/${page}.8)
  set(target ${CMAKE_CURRENT_BINARY_DIR}/man/${page}.8.gz)
  add_custom_command(OUTPUT ${target} COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/man
                     COMMAND ${GZIP_PROGRAM} -9nc ${source} > ${target} DEPENDS ${source} VERBATIM)
  list(APPEND pages ${target})
endforeach()
add_custom_target(man_pages ALL DEPENDS ${pages})
install(FILES ${pages} DESTINATION share/man/man8)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/completion/distributorctl DESTINATION share/bash-completion/completions)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/monitoring/alerts.yml ${CMAKE_CURRENT_LIST_DIR}/monitoring/alerts_test.yml
              ${CMAKE_CURRENT_LIST_DIR}/monitoring/dashboard.json DESTINATION share/distributor/monitoring)
