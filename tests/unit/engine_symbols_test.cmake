# Fails if ARCHIVE refers to a symbol outside of it that is not on the list.
cmake_minimum_required(VERSION 3.25)

set(allowed
  # Memory and strings of libc.
  "mem(chr|cmp|cpy|move|set)" "str(len|cmp|ncmp)"
  # What the compiler refers to by itself; arithmetic of 64 bits, for one, where registers have 32.
  "__stack_chk_(fail|guard)(_local)?" "_GLOBAL_OFFSET_TABLE_" "__x86.get_pc_thunk.*" "__[a-z]+[dst]i[234]" "__aeabi_.*"
  "__gnu_.*" "\\.TOC\\." "_(save|rest)gpr[01]_.*"
  # What the assertions of a library's header end in: tl::expected has some since 1.1, libstdc++ without optimisation since 15.
  "__assert_fail" "_ZSt21__glibcxx_assert_fail.*"
  # operator new and delete.
  "_Zn[wa][mj]" "_Zd[la]Pv[mj]?"
  # std::string, std::allocator<char>, the tree behind std::map, and the ends that a library without exceptions comes to.
  "_ZNK?St7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE.*" "_ZNSaIcE[CD][12]E(v|RKS_)"
  "_ZSt[0-9]+_Rb_tree_(increment|decrement|insert_and_rebalance|rebalance_for_erase).*"
  # The same of libc++.
  "bcmp" "_ZNK?St3__112basic_stringI.*" "_ZNSt3__1plI.*" "_ZNSt3__19to_stringE." "_ZNSt3__122__libcpp_verbose_abortEPKcz"
  "_ZSt[0-9]+__throw_(bad_alloc|bad_array_new_length|length_error|logic_error|out_of_range_fmt)[a-zA-Z]*")
list(JOIN allowed "|" allowed)

function(list_symbols option result)
  execute_process(COMMAND ${NM} ${option} -P ${ARCHIVE} OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+" lines "${output}")
  set(symbols "")
  foreach(line IN LISTS lines)
    # "NAME LETTER ..."; the lines that name a member of the archive end in a colon.
    if(line MATCHES "^([^ ]+) [A-Za-z]( |$)")
      list(APPEND symbols ${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES symbols)
  set(${result} ${symbols} PARENT_SCOPE)
endfunction()

list_symbols(--defined-only defined)
list_symbols(--undefined-only undefined)
foreach(needed step parse_signal parse_duration parse_plan)
  if(NOT "${defined}" MATCHES "9graceshim[0-9]+${needed}")
    message(FATAL_ERROR "${ARCHIVE} does not define ${needed}(): this is not the archive to look at")
  endif()
endforeach()

set(forbidden "")
foreach(symbol IN LISTS undefined)
  if(NOT symbol IN_LIST defined AND NOT symbol MATCHES "^(${allowed})$")
    list(APPEND forbidden ${symbol})
  endif()
endforeach()
if(forbidden)
  list(JOIN forbidden "\n  " forbidden)
  message(FATAL_ERROR "the engine refers to what only the folders that act may call:\n  ${forbidden}")
endif()
list(LENGTH undefined count)
message(STATUS "${count} symbols that the members of the engine refer to, all of them allowed")
