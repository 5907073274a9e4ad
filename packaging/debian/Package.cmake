# CPack's description of the package distributor-pair. Maintainer scripts, conffiles and what lintian asks for lie beside it.
set(package_folder ${CMAKE_CURRENT_SOURCE_DIR}/debian)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME distributor-pair)
set(CPACK_PACKAGE_VENDOR "Distributor pair")
set(CPACK_PACKAGE_CONTACT "Distributor pair maintainers <maintainers@example.org>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "acl, adduser, init-system-helpers (>= 1.52), iproute2, keepalived (>= 1:2.2.7), nftables, openssl, openvswitch-switch (>= 3.1), procps")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS systemd)  # a container has none
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${package_folder}/postinst ${package_folder}/prerm ${package_folder}/postrm ${package_folder}/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "highly available distributor of virtual IPs over load balancers
A distributor spreads the traffic of many virtual IPs over clusters of
amphorae, the load balancer VMs of OpenStack Octavia. It rewrites MAC
addresses and sends each frame back out of the port that it came in by,
with Open vSwitch. Two nodes form a pair: when one fails, the other one
answers, and every client stays on the amphora that it had.

This package is one node: the daemon, its gatekeeper, the command line
tools, and the units that run them beside Open vSwitch and keepalived.")

find_program(GZIP_PROGRAM gzip REQUIRED)
set(document_folder ${CMAKE_CURRENT_BINARY_DIR}/doc)
file(MAKE_DIRECTORY ${document_folder})
configure_file(debian/changelog.in ${document_folder}/changelog @ONLY)
execute_process(COMMAND ${GZIP_PROGRAM} -9nf ${document_folder}/changelog COMMAND_ERROR_IS_FATAL ANY)
install(FILES ${document_folder}/changelog.gz DESTINATION share/doc/distributor-pair)
install(FILES debian/copyright DESTINATION share/doc/distributor-pair)
install(FILES debian/lintian-overrides DESTINATION share/lintian/overrides RENAME distributor-pair)
include(CPack)
