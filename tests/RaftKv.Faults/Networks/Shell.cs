using System.Diagnostics;

namespace RaftKv.Faults.Networks;

/// <summary>Programs of the system.</summary>
internal static class Shell
{
    /// <exception cref="InvalidOperationException">It fails; the text has what it said.</exception>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (code, output, error) = await TryAsync(program, arguments);
        return code == 0 ? output : throw new InvalidOperationException($"'{program} {string.Join(' ', arguments)}' failed with {code}: {error.Trim()}");
    }

    public static async Task<(int Code, string Output, string Error)> TryAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return (127, "", missing.Message);
        }

        using (process)
        {
            process.StandardInput.Close();
            var error = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return (process.ExitCode, output, await error);
        }
    }
}
