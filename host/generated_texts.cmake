# The manual page and the shell completions, printed by the program itself, so that they cannot
# differ from what it accepts. Not when the program was built for another machine.
if(CMAKE_CROSSCOMPILING)
    return()
endif()

function(ps_generated_text what file folder)
    set(path ${PROJECT_BINARY_DIR}/generated/${file})
    # Through a temporary name: a program that fails leaves no half text that looks up to date.
    add_custom_command(OUTPUT ${path}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/generated
        COMMAND poolscan --generate ${what} > ${path}.part
        COMMAND ${CMAKE_COMMAND} -E rename ${path}.part ${path}
        DEPENDS poolscan VERBATIM)
    set_property(GLOBAL APPEND PROPERTY PS_GENERATED_TEXTS ${path})
    install(FILES ${path} DESTINATION ${folder})
endfunction()

ps_generated_text(man poolscan.1 ${CMAKE_INSTALL_MANDIR}/man1)
ps_generated_text(complete-bash poolscan ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
ps_generated_text(complete-zsh _poolscan ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)

get_property(texts GLOBAL PROPERTY PS_GENERATED_TEXTS)
add_custom_target(generated_texts ALL DEPENDS ${texts})
