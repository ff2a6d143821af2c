# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sekisho_global_optspecs
    string join \n config= data-folder= h/help V/version
end

function __fish_sekisho_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sekisho_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sekisho_using_subcommand
    set -l cmd (__fish_sekisho_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sekisho -n "__fish_sekisho_needs_command" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_needs_command" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_needs_command" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_needs_command" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "serve" -d 'Runs the server'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "status" -d 'Shows what the server is and how full it is'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "queue" -d 'Looks at the queue and gives orders for what is in it'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "trace" -d 'Finds messages and shows how they came in and went out, with the evidence on TLS'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "config" -d 'Checks and shows the configuration'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "tls" -d 'Shows TLS as it is in force'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "store" -d 'Checks and recovers the data folder of a server that does not run'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "send" -d 'Sends a test message'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "completions" -d 'Prints completions for a shell'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand serve" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand serve" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand serve" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand serve" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "list" -d 'Lists what is queued, oldest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "show" -d 'Shows everything about one message'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "hold" -d 'Stops attempts until released'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "release" -d 'Undoes a hold'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "retry" -d 'Tries now'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "bounce" -d 'Gives up and tells the sender'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "redirect" -d 'Sends what is undone of a message to another address'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "shape" -d 'Shows the queue by age and destination'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one object a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l ids -d 'Prints ids alone, one a line, for another command\'s `-`'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l body -d 'Prints the content instead, octet for octet (escaped on a terminal)'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l conversation -d 'Shows the whole conversation of each attempt, without content'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l all -d 'The whole queue'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l all -d 'The whole queue'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l all -d 'The whole queue'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l why -d 'What the sender is told' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l all -d 'The whole queue'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -l limit -d 'Destinations at most' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists what is queued, oldest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows everything about one message'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "hold" -d 'Stops attempts until released'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "release" -d 'Undoes a hold'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Tries now'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "bounce" -d 'Gives up and tells the sender'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "redirect" -d 'Sends what is undone of a message to another address'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "shape" -d 'Shows the queue by age and destination'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l message-id -d 'With this Message-ID header' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l recipient -d 'To this recipient: an address or @domain' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l since -d 'Not before: 2h (ago), 2026-11-24, 2026-11-24T09:30' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l until -d 'Not after' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l tls -d 'Came or went over this' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'
any\t'Any version'
none\t'In the clear'"
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l outcome -d 'An attempt ended so' -r -f -a "delivered\t''
deferred\t''
bounced\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l limit -d 'Messages at most' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l conversation -d 'Shows the whole conversation of each attempt, without content'
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l json -d 'Prints JSON, one object a message'
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "check" -d 'Reads the file as the server would and names everything that is wrong with it'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "show" -d 'Prints the configuration in force with all defaults, in the form of the file; without a running server, the one that would be in force'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from check" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -l changed -d 'Only what differs from the defaults'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Reads the file as the server would and names everything that is wrong with it'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Prints the configuration in force with all defaults, in the form of the file; without a running server, the one that would be in force'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'Lists what is in force, in the order of preference'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one object per listener and route'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists what is in force, in the order of preference'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -f -a "check" -d 'Looks at every page and every checksum, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -f -a "recover" -d 'Brings every readable message into a new database, and lists what is missing'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "check" -d 'Looks at every page and every checksum, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "recover" -d 'Brings every readable message into a new database, and lists what is missing'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l from -d 'The sender\'s address, or <> for none [default: the postmaster of the first local domain]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l subject -d 'The subject' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l text -d 'The text; `-` reads it from standard input' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand completions" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand completions" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand completions" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand completions" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "serve" -d 'Runs the server'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "status" -d 'Shows what the server is and how full it is'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "queue" -d 'Looks at the queue and gives orders for what is in it'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "trace" -d 'Finds messages and shows how they came in and went out, with the evidence on TLS'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "config" -d 'Checks and shows the configuration'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "tls" -d 'Shows TLS as it is in force'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "store" -d 'Checks and recovers the data folder of a server that does not run'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "send" -d 'Sends a test message'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "completions" -d 'Prints completions for a shell'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace config tls store send completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "list" -d 'Lists what is queued, oldest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "show" -d 'Shows everything about one message'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "hold" -d 'Stops attempts until released'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "release" -d 'Undoes a hold'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "retry" -d 'Tries now'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "bounce" -d 'Gives up and tells the sender'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "redirect" -d 'Sends what is undone of a message to another address'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "shape" -d 'Shows the queue by age and destination'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Reads the file as the server would and names everything that is wrong with it'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Prints the configuration in force with all defaults, in the form of the file; without a running server, the one that would be in force'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from tls" -f -a "list" -d 'Lists what is in force, in the order of preference'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "check" -d 'Looks at every page and every checksum, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "recover" -d 'Brings every readable message into a new database, and lists what is missing'
