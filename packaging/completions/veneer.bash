# shellcheck shell=bash
# Completion of veneer for bash; installed as bash-completion/completions/veneer.

# Ids and names of sandboxes; with an argument, names of templates or snapshots.
_veneer_names() {
  veneer "$@" ls 2>/dev/null | awk -v both="$#" 'NR > 1 { print $1; if (both == 0) print $2 }'
}

_veneer() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local everywhere='--json --root --run --log-level --help' command='' group='' item index
  # The first words that are no option are group and command.
  for ((index = 1; index < COMP_CWORD; index++)); do
    item=${COMP_WORDS[index]}
    case $item in
      --root | --run | --log-level) ((index++)) ;;
      -*) ;;
      *)
        if [[ -z $group ]]; then
          group=$item
          [[ $group == @(cow|template|snapshot) ]] || break
        else
          command=$item
          break
        fi
        ;;
    esac
  done

  case $previous in
    --method)
      mapfile -t COMPREPLY < <(compgen -W 'auto reflink copy' -- "$word")
      return
      ;;
    --backend)
      local backends='auto user dm'
      [[ $group == cow ]] && backends='user dm'
      mapfile -t COMPREPLY < <(compgen -W "$backends" -- "$word")
      return
      ;;
    --log-level)
      mapfile -t COMPREPLY < <(compgen -W 'debug info warning error off' -- "$word")
      return
      ;;
    --chunk-size)
      mapfile -t COMPREPLY < <(compgen -W '4K 8K 16K 32K 64K 128K 256K 512K 1M' -- "$word")
      return
      ;;
    --export)
      mapfile -t COMPREPLY < <(compgen -W 'fuse nbd' -- "$word")
      return
      ;;
    --max-change | --size | --name | --reserve | --hold-below | --count | --upload-limit | --max-connections | --patience | --watch | --after) return ;;
    --root | --run | --work | --import-dir)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return
      ;;
  esac

  local words='' machine='--memory --cpus --net'
  local command_options='--env --cwd --user --timeout --output-limit --stdin --'
  case $group:$command in
    :)
      words="template create exec run logs ls show pause resume fork snapshot destroy recover cow doctor gc demo daemon events"
      words+=" --version $everywhere"
      ;;
    template:) words="import build ls show rm $everywhere" ;;
    template:import) words="--size --kernel --initrd --cmdline --reserve $everywhere" ;;
    template:build) words="--suite --include --size --reserve $everywhere" ;;
    template:show | template:rm) words="$(_veneer_names template) $everywhere" ;;
    template:ls | snapshot:ls) words=$everywhere ;;
    snapshot:) words="create ls rm $everywhere" ;;
    snapshot:create) words="$(_veneer_names) --name --reserve $everywhere" ;;
    snapshot:rm) words="$(_veneer_names snapshot) $everywhere" ;;
    create:)
      words="$(_veneer_names template) --name --size --backend --export --reserve $everywhere"
      words+=" --boot $machine"
      ;;
    exec:) words="$(_veneer_names) $command_options $everywhere" ;;
    run:) words="$(_veneer_names template) $command_options $machine $everywhere" ;;
    logs:) words="$(_veneer_names) --follow $everywhere" ;;
    ls: | recover:) words=$everywhere ;;
    show: | pause:) words="$(_veneer_names) $everywhere" ;;
    resume:) words="$(_veneer_names) --backend $everywhere" ;;
    fork:) words="$(_veneer_names) --count --reserve $everywhere" ;;
    destroy:) words="$(_veneer_names) --force $everywhere" ;;
    cow:) words="create info list check flatten attach fill grow detach $everywhere" ;;
    cow:create) words="--origin --size --chunk-size --max-change $everywhere" ;;
    cow:check) words="--origin $everywhere" ;;
    cow:flatten) words="--origin --output --method --force $everywhere" ;;
    cow:attach) words="--origin --at --name --backend --export --read-only --block $everywhere" ;;
    cow:grow) words="--max-change $everywhere" ;;
    cow:*) words=$everywhere ;;
    gc:) words="--dry-run $everywhere" ;;
    doctor:) words=$everywhere ;;
    events:) words="--connect --after $everywhere" ;;
    daemon:)
      words="--listen --import-dir --token-file --reserve --hold-below --upload-limit --max-connections --patience --watch"
      words+=" $everywhere"
      ;;
    demo:) words="--work --template --keep $everywhere" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  if [[ $word != -* && $group:$command == @(cow:*|template:import|demo:) && ($command != '' || $previous == --*) ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}

complete -F _veneer veneer
