using System.Text;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary>A password that is typed: unseen at a terminal, a line of the input anywhere else.</summary>
internal static class PasswordPrompt
{
    /// <summary>One that is there already, typed at a terminal.</summary>
    public static string Read(ClientConsole console) => ReadUnseen(console, "Password: ");

    /// <summary>One that is new, and typed twice where it cannot be seen.</summary>
    /// <exception cref="CommandFailure">The two differ, or there is none.</exception>
    public static string ReadNew(ClientConsole console, string user, bool isInteractive)
    {
        if (!isInteractive || !console.InputIsTerminal)
        {
            return ReadLine(console);
        }

        var first = ReadUnseen(console, $"Password of {user}: ");
        var second = ReadUnseen(console, $"Type password of {user} again for confirmation: ");
        return first == second ? first : throw CommandFailure.BadArguments("given passwords are different");
    }

    private static string ReadLine(ClientConsole console)
        => Text(new LineReader(console.Input).Read());

    private static string Text(string? line)
        => line is not null
            ? Encoding.UTF8.GetString(ByteText.Bytes(line)).TrimEnd('\r')
            : throw CommandFailure.BadArguments("failed to read a password from the input: give one there, or with --new-user-password, or as NAME:PASSWORD");

    private static string ReadUnseen(ClientConsole console, string prompt)
    {
        using var unseen = new UnseenTyping();
        console.Error.Write(prompt);
        console.Error.Flush();
        var typed = unseen.IsUnseen ? Text(UnseenTyping.ReadLine()) : ReadKeys();
        console.Error.WriteLine();
        return typed;
    }

    // Where the terminal cannot be told to show nothing.
    private static string ReadKeys()
    {
        var typed = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                typed.Length = Math.Max(0, typed.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                typed.Append(key.KeyChar);
            }
        }

        return typed.ToString();
    }
}
