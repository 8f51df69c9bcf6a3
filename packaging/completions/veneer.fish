# Completion of veneer for fish; installed as vendor_completions.d/veneer.fish.

# The words before the cursor that are neither options nor values of those that stand anywhere.
function __veneer_words
    set -l is_value 0
    for word in (commandline -opc)[2..]
        if test $is_value = 1
            set is_value 0
            continue
        end
        switch $word
            case --root --run --log-level
                set is_value 1
            case '-*'
            case '*'
                echo $word
        end
    end
end

# Whether these are the words; whether they begin with these.
function __veneer_is
    set -l words (__veneer_words)
    test "$words" = "$argv"
end
function __veneer_at
    set -l words (__veneer_words)
    set -l size (count $argv)
    test (count $words) -ge $size; and test "$words[1..$size]" = "$argv"
end

# Ids and names of sandboxes; names of templates or snapshots.
function __veneer_sandboxes
    veneer ls 2>/dev/null | awk 'NR > 1 { print $1; print $2 }'
end
function __veneer_named
    veneer $argv ls 2>/dev/null | awk 'NR > 1 { print $1 }'
end

complete -c veneer -f
complete -c veneer -l json -d 'Print one JSON value'
complete -c veneer -l root -x -a '(__fish_complete_directories)' -d 'Directory of the state'
complete -c veneer -l run -x -a '(__fish_complete_directories)' -d 'Directory of sockets and mounts'
complete -c veneer -l log-level -x -a 'debug info warning error off' -d 'What is told of the work'
complete -c veneer -s h -l help -d 'Print help with examples'
complete -c veneer -n __veneer_is -l version -d 'Print the version'
complete -c veneer -n __veneer_is -a template -d 'Images that sandboxes are made of'
complete -c veneer -n __veneer_is -a create -d 'Make a sandbox of a template'
complete -c veneer -n __veneer_is -a ls -d 'List the sandboxes'
complete -c veneer -n __veneer_is -a show -d 'Show a sandbox'
complete -c veneer -n __veneer_is -a pause -d 'Detach a sandbox'
complete -c veneer -n __veneer_is -a resume -d 'Attach a paused sandbox again'
complete -c veneer -n __veneer_is -a exec -d 'Run a command in a machine'
complete -c veneer -n __veneer_is -a run -d 'Boot, run a command, destroy'
complete -c veneer -n __veneer_is -a logs -d 'Show the console of a machine'
complete -c veneer -n __veneer_is -a fork -d 'Make running copies of a sandbox'
complete -c veneer -n __veneer_is -a snapshot -d 'Templates made of sandboxes'
complete -c veneer -n __veneer_is -a destroy -d 'Remove a sandbox for ever'
complete -c veneer -n __veneer_is -a recover -d 'End what killed commands began'
complete -c veneer -n __veneer_is -a cow -d 'Work on stores directly'
complete -c veneer -n __veneer_is -a doctor -d 'What this host can do'
complete -c veneer -n __veneer_is -a gc -d 'Remove what killed commands left'
complete -c veneer -n __veneer_is -a daemon -d 'Offer the HTTP API'
complete -c veneer -n __veneer_is -a events -d 'Print what happens at the daemon'
complete -c veneer -n __veneer_is -a demo -d 'Show the main job on a Debian image'

complete -c veneer -n '__veneer_is template' -a import -d 'Make a template of an image'
complete -c veneer -n '__veneer_is template' -a ls -d 'List the templates'
complete -c veneer -n '__veneer_is template' -a show -d 'Show a template'
complete -c veneer -n '__veneer_is template' -a rm -d 'Remove a template'
complete -c veneer -n '__veneer_at template import' -F
complete -c veneer -n '__veneer_at template import' -l size -x -d 'Of the file system'
complete -c veneer -n '__veneer_at template import' -l reserve -x -d 'What stays free'
complete -c veneer -n '__veneer_at template show' -a '(__veneer_named template)'
complete -c veneer -n '__veneer_at template rm' -a '(__veneer_named template)'

complete -c veneer -n '__veneer_is snapshot' -a create -d 'Make a template of a sandbox'
complete -c veneer -n '__veneer_is snapshot' -a ls -d 'List the snapshots'
complete -c veneer -n '__veneer_is snapshot' -a rm -d 'Remove a snapshot'
complete -c veneer -n '__veneer_at snapshot create' -a '(__veneer_sandboxes)'
complete -c veneer -n '__veneer_at snapshot create' -l name -x -d 'Of the new template'
complete -c veneer -n '__veneer_at snapshot create' -l reserve -x -d 'What stays free'
complete -c veneer -n '__veneer_at snapshot rm' -a '(__veneer_named snapshot)'

complete -c veneer -n '__veneer_is template' -a build -d 'Make a Debian template that boots'
complete -c veneer -n '__veneer_at template import' -l kernel -r -F -d 'What it boots'
complete -c veneer -n '__veneer_at template import' -l initrd -r -F -d 'And its initrd'
complete -c veneer -n '__veneer_at template import' -l cmdline -x -d 'And its arguments'
complete -c veneer -n '__veneer_at template build' -l suite -x -d 'Release of Debian'
complete -c veneer -n '__veneer_at template build' -l include -x -d 'More packages'
complete -c veneer -n '__veneer_at template build' -l size -x -d 'Of the file system'
complete -c veneer -n '__veneer_at template build' -l reserve -x -d 'What stays free'

complete -c veneer -n '__veneer_at create' -l boot -d 'Boot it'
for command in create run
    complete -c veneer -n "__veneer_at $command" -l memory -x -d 'Of the machine'
    complete -c veneer -n "__veneer_at $command" -l cpus -x -d 'Of the machine'
    complete -c veneer -n "__veneer_at $command" -l net -x -a 'none user' -d 'Of the machine'
end
for command in exec run
    complete -c veneer -n "__veneer_at $command" -l env -x -d 'A variable for the command'
    complete -c veneer -n "__veneer_at $command" -l cwd -x -d 'Its directory'
    complete -c veneer -n "__veneer_at $command" -l user -x -d 'Who it runs as'
    complete -c veneer -n "__veneer_at $command" -l timeout -x -d 'Ends it after so many seconds'
    complete -c veneer -n "__veneer_at $command" -l output-limit -x -d 'Output beyond is dropped'
    complete -c veneer -n "__veneer_at $command" -s i -l stdin -d 'Pass stdin on'
end
complete -c veneer -n '__veneer_at exec' -a '(__veneer_sandboxes)'
complete -c veneer -n '__veneer_at logs' -a '(__veneer_sandboxes)'
complete -c veneer -n '__veneer_at logs' -s f -l follow -d 'Go on'
complete -c veneer -n '__veneer_at run' -a '(__veneer_named template)'

complete -c veneer -n '__veneer_at create' -a '(__veneer_named template)'
complete -c veneer -n '__veneer_at create' -l name -x -d 'A name for it'
complete -c veneer -n '__veneer_at create' -l size -x -d 'Of its disk'
complete -c veneer -n '__veneer_at create' -l backend -x -a 'auto user dm' -d 'Who serves the disk'
complete -c veneer -n '__veneer_at create' -l export -x -a 'fuse nbd' -d 'How the disk is shown'
complete -c veneer -n '__veneer_at create' -l reserve -x -d 'What stays free'
for command in show pause resume fork destroy
    complete -c veneer -n "__veneer_at $command" -a '(__veneer_sandboxes)'
end
complete -c veneer -n '__veneer_at resume' -l backend -x -a 'auto user dm' -d 'Who serves the disk'
complete -c veneer -n '__veneer_at fork' -l count -x -d 'How many'
complete -c veneer -n '__veneer_at fork' -l reserve -x -d 'What stays free'
complete -c veneer -n '__veneer_at destroy' -l force -d 'Also where it cannot be flushed'
complete -c veneer -n '__veneer_at gc' -l dry-run -d 'Remove nothing'

complete -c veneer -n '__veneer_is cow' -a create -d 'Make a new, empty store for an origin'
complete -c veneer -n '__veneer_is cow' -a info -d 'Header, exceptions, fill and bytes on disk'
complete -c veneer -n '__veneer_is cow' -a list -d 'The changed runs'
complete -c veneer -n '__veneer_is cow' -a check -d 'Check every structural rule'
complete -c veneer -n '__veneer_is cow' -a flatten -d 'Merge origin and store into a plain image'
complete -c veneer -n '__veneer_is cow' -a attach -d 'Attach a disk, and print where it is'
complete -c veneer -n '__veneer_is cow' -a fill -d 'How full the store of a disk is'
complete -c veneer -n '__veneer_is cow' -a grow -d 'Let more of a disk be changed'
complete -c veneer -n '__veneer_is cow' -a detach -d 'Flush and detach a disk'
for command in create info list check flatten attach fill grow detach
    complete -c veneer -n "__veneer_at cow $command" -F
end
for command in create check flatten attach
    complete -c veneer -n "__veneer_at cow $command" -l origin -r -F -d 'The image'
end
complete -c veneer -n '__veneer_at cow create' -l chunk-size -x -a '4K 8K 16K 32K 64K 128K 256K 512K 1M' -d 'The unit that is copied'
complete -c veneer -n '__veneer_at cow create' -l size -x -d 'Of the disk'
complete -c veneer -n '__veneer_at cow create' -l max-change -x -d 'The most that may be rewritten'
complete -c veneer -n '__veneer_at cow grow' -l max-change -x -d 'The most that may be rewritten'
complete -c veneer -n '__veneer_at cow flatten' -l output -r -F -d 'The image to make'
complete -c veneer -n '__veneer_at cow flatten' -l method -x -a 'auto reflink copy' -d 'How'
complete -c veneer -n '__veneer_at cow flatten' -l force -d 'Replace the output'
complete -c veneer -n '__veneer_at cow attach' -l at -r -F -d 'Becomes the disk'
complete -c veneer -n '__veneer_at cow attach' -l name -x -d 'Of the device, with dm'
complete -c veneer -n '__veneer_at cow attach' -l backend -x -a 'user dm' -d 'Who serves it'
complete -c veneer -n '__veneer_at cow attach' -l export -x -a 'fuse nbd' -d 'How the disk is shown'
complete -c veneer -n '__veneer_at cow attach' -l read-only -d 'Attach for reading only'
complete -c veneer -n '__veneer_at cow attach' -l block -d 'Put a block device on it too'

complete -c veneer -n '__veneer_at daemon' -l listen -x -d 'unix:PATH, 127.0.0.1:PORT or [::1]:PORT'
complete -c veneer -n '__veneer_at daemon' -l import-dir -x -a '(__fish_complete_directories)' -d 'Whose files may be imported by name'
complete -c veneer -n '__veneer_at daemon' -l token-file -r -F -d 'What TCP clients must send'
complete -c veneer -n '__veneer_at daemon' -l reserve -x -d 'What stays free'
complete -c veneer -n '__veneer_at daemon' -l hold-below -x -d 'Writers wait with less room'
complete -c veneer -n '__veneer_at daemon' -l upload-limit -x -d 'The largest image to be sent'
complete -c veneer -n '__veneer_at daemon' -l max-connections -x -d 'More are turned away'
complete -c veneer -n '__veneer_at daemon' -l patience -x -d 'Seconds until a slow client is cut off'
complete -c veneer -n '__veneer_at daemon' -l watch -x -d 'Seconds between two looks'
complete -c veneer -n '__veneer_at events' -l connect -r -F -d 'The socket of the daemon'
complete -c veneer -n '__veneer_at events' -l after -x -d 'Go on behind this event'
complete -c veneer -n '__veneer_at demo' -l work -x -a '(__fish_complete_directories)' -d 'Work here, keep the template'
complete -c veneer -n '__veneer_at demo' -l template -r -F -d 'Use this ext4 image'
complete -c veneer -n '__veneer_at demo' -l keep -d 'Keep the stores and the merged image'
