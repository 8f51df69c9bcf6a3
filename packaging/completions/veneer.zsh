#compdef veneer
# Completion of veneer for zsh; installed as site-functions/_veneer.

_veneer_everywhere=(
  '--json[print one JSON value]'
  '--root[directory of the state]:directory:_files -/'
  '--run[directory of sockets and mounts]:directory:_files -/'
  '--log-level[what is told of the work]:level:(debug info warning error off)'
  '(-h --help)'{-h,--help}'[print help with examples]'
)

_veneer_cow() {
  local -a commands=(
    'create:make a new, empty store for an origin'
    'info:header, exceptions, fill and bytes on disk'
    'list:the changed runs'
    'check:check every structural rule'
    'flatten:merge origin and store into a plain image'
    'attach:attach a disk, and print where it is'
    'fill:how full the store of a disk is'
    'grow:let more of a disk be changed'
    'detach:flush and detach a disk'
  )
  local origin='--origin[the image]:image:_files'
  local store='1:store:_files'
  if ((CURRENT == 2)); then
    _describe 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
    create)
      _arguments $_veneer_everywhere $store $origin \
        '--size[of the disk]:size:' \
        '--chunk-size[the unit that is copied]:size:(4K 8K 16K 32K 64K 128K 256K 512K 1M)' \
        '--max-change[the most that may be rewritten]:size:'
      ;;
    info | list) _arguments $_veneer_everywhere $store ;;
    check) _arguments $_veneer_everywhere $store $origin ;;
    flatten)
      _arguments $_veneer_everywhere $store $origin \
        '--output[the image to make]:file:_files' \
        '--method[how]:method:(auto reflink copy)' \
        '--force[replace the output]'
      ;;
    attach)
      _arguments $_veneer_everywhere $store $origin \
        '--at[becomes the disk]:path:_files' \
        '--name[of the device, with dm]:name:' \
        '--backend[who serves it]:backend:(user dm)' \
        '--export[how it is shown]:way:(fuse nbd)' \
        '--read-only[attach for reading only]' \
        '--block[put a block device on it too]'
      ;;
    fill) _arguments $_veneer_everywhere '1:what attach printed, or a store:_files' ;;
    grow)
      _arguments $_veneer_everywhere '1:what attach printed, or a store:_files' \
        '--max-change[the most that may be rewritten]:size:'
      ;;
    detach) _arguments $_veneer_everywhere '1:what attach printed:_files' ;;
  esac
}

_veneer_sandboxes() {
  local -a names=(${(f)"$(veneer ls 2>/dev/null | awk 'NR > 1 { print $1; print $2 }')"})
  _describe 'sandbox' names
}

_veneer_templates() {
  local -a names=(${(f)"$(veneer template ls 2>/dev/null | awk 'NR > 1 { print $1 }')"})
  _describe 'template' names
}

_veneer_reserve='--reserve[what stays free on the file system]:size:'
_veneer_machine=('--memory[of the machine]:size:' '--cpus[of the machine]:number:'
  '--net[of the machine]:network:(none user)')
_veneer_exec=('*--env[a variable for it]:variable:' '--cwd[its directory]:directory:'
  '--user[who it runs as]:user:' '--timeout[ends it after so long]:seconds:'
  '--output-limit[output beyond is dropped]:size:' '(-i --stdin)'{-i,--stdin}'[pass stdin on]')
_veneer_backend='--backend[who serves the disk]:backend:(auto user dm)'

_veneer_template() {
  local -a commands=('import:make a template of an image' 'build:make one that boots'
    'ls:list the templates'
    'show:show a template' 'rm:remove a template')
  if ((CURRENT == 2)); then
    _describe 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
    import)
      _arguments $_veneer_everywhere $_veneer_reserve '1:name:' '2:image:_files' \
        '--size[of the file system that a tar becomes]:size:' \
        '--kernel[what it boots]:kernel:_files' '--initrd[and its initrd]:initrd:_files' \
        '--cmdline[and its arguments]:text:'
      ;;
    build)
      _arguments $_veneer_everywhere $_veneer_reserve '1:name:' '--suite[release]:suite:' \
        '--include[more packages]:packages:' '--size[of its file system]:size:'
      ;;
    show | rm) _arguments $_veneer_everywhere '1:template:_veneer_templates' ;;
    ls) _arguments $_veneer_everywhere ;;
  esac
}

_veneer_snapshot() {
  local -a commands=('create:make a template of a sandbox' 'ls:list the snapshots'
    'rm:remove a snapshot')
  if ((CURRENT == 2)); then
    _describe 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
    create)
      _arguments $_veneer_everywhere $_veneer_reserve '1:sandbox:_veneer_sandboxes' \
        '--name[of the new template]:name:'
      ;;
    rm) _arguments $_veneer_everywhere '1:snapshot:_veneer_templates' ;;
    ls) _arguments $_veneer_everywhere ;;
  esac
}

_veneer() {
  local context state line
  _arguments -C $_veneer_everywhere '--version[print the version]' \
    '1:command:((template\:"images that sandboxes are made of" create\:"make a sandbox" exec\:"run a command in a machine" run\:"boot, run a command, destroy" logs\:"show a console" ls\:"list the sandboxes" show\:"show a sandbox" pause\:"detach a sandbox" resume\:"attach it again" fork\:"make running copies" snapshot\:"templates made of sandboxes" destroy\:"remove a sandbox for ever" recover\:"end what killed commands began" cow\:"work on stores directly" doctor\:"what this host can do" gc\:"remove what killed commands left" demo\:"show the main job" daemon\:"offer the HTTP API" events\:"print what happens"))' '*::argument:->rest'
  [[ $state == rest ]] || return
  case $line[1] in
    cow) _veneer_cow ;;
    template) _veneer_template ;;
    snapshot) _veneer_snapshot ;;
    create)
      _arguments $_veneer_everywhere $_veneer_reserve $_veneer_backend \
        '1:template:_veneer_templates' '--name[a name for it]:name:' \
        '--size[of its disk]:size:' '--export[how the disk is shown]:way:(fuse nbd)' \
        '--boot[boot it]' $_veneer_machine
      ;;
    exec)
      _arguments $_veneer_everywhere $_veneer_exec '1:sandbox:_veneer_sandboxes'
      ;;
    run)
      _arguments $_veneer_everywhere $_veneer_exec $_veneer_machine '1:template:_veneer_templates'
      ;;
    logs)
      _arguments $_veneer_everywhere '(-f --follow)'{-f,--follow}'[go on]' \
        '1:sandbox:_veneer_sandboxes'
      ;;
    ls | recover) _arguments $_veneer_everywhere ;;
    show | pause) _arguments $_veneer_everywhere '1:sandbox:_veneer_sandboxes' ;;
    resume) _arguments $_veneer_everywhere $_veneer_backend '1:sandbox:_veneer_sandboxes' ;;
    fork)
      _arguments $_veneer_everywhere $_veneer_reserve '1:sandbox:_veneer_sandboxes' \
        '--count[how many]:number:'
      ;;
    destroy)
      _arguments $_veneer_everywhere '1:sandbox:_veneer_sandboxes' \
        '--force[also where it cannot be flushed]'
      ;;
    doctor) _arguments $_veneer_everywhere ;;
    events)
      _arguments $_veneer_everywhere '--connect[the socket of the daemon]:path:_files' \
        '--after[go on behind this event]:id:'
      ;;
    daemon)
      _arguments $_veneer_everywhere $_veneer_reserve \
        '*--listen[unix\:PATH, 127.0.0.1\:PORT or \[\:\:1\]\:PORT]:address:' \
        '--import-dir[whose files may be imported by name]:directory:_files -/' \
        '--token-file[what TCP clients must send]:file:_files' \
        '--hold-below[writers wait with less room]:size:' \
        '--upload-limit[the largest image to be sent]:size:' \
        '--max-connections[more are turned away]:number:' \
        '--patience[seconds until a slow client is cut off]:seconds:' \
        '--watch[seconds between two looks]:seconds:'
      ;;
    gc) _arguments $_veneer_everywhere '--dry-run[remove nothing]' ;;
    demo)
      _arguments $_veneer_everywhere \
        '--work[work here, keep the template]:directory:_files -/' \
        '--template[use this ext4 image]:image:_files' \
        '--keep[keep the stores and the merged image]'
      ;;
  esac
}

_veneer "$@"
