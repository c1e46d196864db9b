using Microsoft.Extensions.Options;

namespace RaftKv.Hosting;

/// <summary>Stops the start of an application whose member could not start.</summary>
internal sealed class ServerOptionsCheck : IValidateOptions<RaftKvServerOptions>
{
    public ValidateOptionsResult Validate(string? name, RaftKvServerOptions options)
    {
        var problems = new List<string>();
        _ = ServerSettings.Read(options, problems);
        return problems.Count > 0 ? ValidateOptionsResult.Fail(problems) : ValidateOptionsResult.Success;
    }
}
